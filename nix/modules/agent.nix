{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib)
    mkIf
    mkOption
    optional
    types
    ;
  cfg = config.services.guardian.agent;
  guardian = config.services.guardian.package;
  names = import ../names.nix { inherit lib; };
  units = import ../units.nix { inherit lib pkgs guardian; };
  json = pkgs.formats.json { };
  inherit (import ./settings.nix { inherit lib pkgs guardian; }) checkedFile isExternal;

  file = checkedFile {
    name = "agent.json";
    inherit (cfg) settings;
  };
  dependentsOf =
    target: lib.filter (each: lib.elem target each.targets) (lib.attrValues cfg.dependents);
  limit = cfg.settings.bootWithoutCoordinator or null;
in
{
  imports = [
    ./dependents.nix
    ./package.nix
    ./rebuild.nix
  ];

  options.services.guardian.agent = {
    enable = lib.mkEnableOption "the agent of guardian, which stops and starts what needs the databases of another host. The command {command}`guardian` is then installed too";

    settings = mkOption {
      default = { };
      example = lib.literalExpression ''
        {
          resources.postgresql = {
            type = "postgres";
            host = "io.example.org";
          };
          onCoordinatorLost = "keep";
        }
      '';
      description = ''
        What stands in {file}`/etc/guardian/agent.json`. Any setting may be given; the file is checked
        when the system is built.
      '';
      type = types.submodule {
        freeformType = json.type;
        options = {
          listen.address = mkOption {
            type = types.str;
            default = "0.0.0.0";
            description = "The address to listen on; `::` for IPv6 and IPv4.";
          };
          listen.port = mkOption {
            type = types.port;
            default = 9876;
            description = "The port that the coordinator dials, and where `/metrics` is.";
          };
          resources = mkOption {
            type = types.attrsOf json.type;
            default = { };
            example.postgresql = {
              type = "postgres";
              host = "io.example.org";
              port = 5432;
            };
            description = "What the targets need, and how this host asks whether it is ready.";
          };
          targets = mkOption {
            default.io-databases = { };
            example.storage.needs = [ "nfs" ];
            description = ''
              What can be drained on this host. To define any replaces `io-databases`, so name it again
              where it is to stay.
            '';
            type = types.attrsOf (
              types.submodule (
                { name, ... }:
                {
                  freeformType = json.type;
                  options = {
                    unit = mkOption {
                      type = types.strMatching ".+\\.target";
                      default = names.targetUnit name;
                      defaultText = lib.literalMD "`io-databases.target` of `io-databases`, `io-storage.target` of `storage`";
                      description = "The systemd target that stands for it; made here.";
                    };
                    needs = mkOption {
                      type = types.listOf types.str;
                      default = lib.attrNames cfg.settings.resources;
                      defaultText = lib.literalMD "all of `resources`";
                      description = "The resources that must be ready before it opens.";
                    };
                    dependents = mkOption {
                      type = types.listOf types.str;
                      description = "Made from {option}`services.guardian.agent.dependents`.";
                    };
                    allowLeftovers = mkOption {
                      type = types.listOf types.str;
                      description = "Made from {option}`services.guardian.agent.dependents`.";
                    };
                  };
                  config = {
                    dependents = map (each: each.unit) (dependentsOf name);
                    allowLeftovers = map (each: each.unit) (lib.filter (each: each.allowLeftovers) (dependentsOf name));
                  };
                }
              )
            );
          };
        };
      };
    };

    pskFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/run/secrets/guardian";
      description = ''
        The file with the key of this host, outside the Nix store, readable by root. systemd hands it
        to the agent when that starts, so a new key needs a restart of {file}`io-guardian.service`,
        which drains nothing.
      '';
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Whether to open the agent's port on every interface.";
    };

    openFirewallInterfaces = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "tailscale0" ];
      description = "The interfaces to open the agent's port on.";
    };

    targetUnits = mkOption {
      internal = true;
      readOnly = true;
      default = lib.mapAttrsToList (name: target: {
        inherit name;
        inherit (target) unit;
        wait = names.waitUnit target.unit;
      }) cfg.settings.targets;
    };
  };

  config = mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.pskFile != null || cfg.settings ? tls;
        message = "services.guardian.agent.pskFile is not set: make a key with guardian keygen and name a file outside the Nix store, such as \"/run/secrets/guardian\".";
      }
      {
        assertion = cfg.pskFile == null || isExternal cfg.pskFile;
        message = "services.guardian.agent.pskFile is in the Nix store, where everybody can read it: give the path of a file outside as a string, such as \"/run/secrets/guardian\", and replace the key.";
      }
      {
        assertion = !cfg.settings ? pskFile;
        message = "services.guardian.agent.settings.pskFile would have to be readable by the agent: use services.guardian.agent.pskFile, which systemd reads as root.";
      }
      {
        assertion = !cfg.settings ? stateDir && !cfg.settings ? runtimeDir;
        message = "services.guardian.agent.settings.stateDir and runtimeDir cannot be changed, since the units name the directories too: remove them.";
      }
    ];

    warnings =
      optional (cfg.dependents == { })
        "services.guardian.agent.dependents is empty: a drain of this host stops nothing. Name what needs the databases."
      ++
        optional (cfg.settings.v1PskFile or null == "shared")
          "services.guardian.agent.settings.v1PskFile is \"shared\": protocol v1 sends the key as it is, for anybody on the way to read. Give v1 a file with a key of its own."
      ++ lib.concatLists (
        lib.mapAttrsToList (
          name: target:
          optional (target.needs == [ ])
            "services.guardian.agent.settings.targets.${name}.needs is empty: nothing is asked for before it opens. Add services.guardian.agent.settings.resources."
        ) cfg.settings.targets
      );

    environment.etc."guardian/agent.json".source = file;
    environment.systemPackages = [ guardian ];

    users.users.io-guardian = {
      isSystemUser = true;
      group = "io-guardian";
      description = "guardian agent";
    };
    users.groups.io-guardian = { };

    # A bare NixOS has no polkit, and without its word the agent may only look.
    security.polkit.enable = true;
    security.polkit.extraConfig = units.substitute "io-guardian.rules" (
      {
        "[\"io-databases.target\"]" = builtins.toJSON (map (each: each.unit) cfg.targetUnits);
      }
      // lib.optionalAttrs (!cfg.rebuild.enable) {
        "  if (verb === \"start\" && helper.test(action.lookup(\"unit\"))) return polkit.Result.YES;\n" =
          "";
      }
    );

    networking.firewall = {
      allowedTCPPorts = optional cfg.openFirewall cfg.settings.listen.port;
      interfaces = lib.genAttrs cfg.openFirewallInterfaces (_: {
        allowedTCPPorts = [ cfg.settings.listen.port ];
      });
    };

    systemd.packages = [
      (units.unit "io-guardian.service" { })
    ]
    ++ lib.concatMap units.target cfg.targetUnits;

    systemd.services = {
      io-guardian = {
        wantedBy = [ "multi-user.target" ];
        before = lib.concatMap (each: [
          each.wait
          each.unit
        ]) cfg.targetUnits;
        restartTriggers = [ file ];
        # It answers while a switch runs.
        stopIfChanged = false;
        enableDefaultPath = false;
        serviceConfig.LoadCredential = [
          ""
        ]
        ++ optional (cfg.pskFile != null) "psk:${toString cfg.pskFile}";
      };
    }
    // lib.listToAttrs (
      map (
        each:
        lib.nameValuePair (lib.removeSuffix ".service" each.wait) {
          # To restart it would stop every dependent.
          restartIfChanged = false;
          enableDefaultPath = false;
          serviceConfig = mkIf (lib.isString limit && limit != "never") {
            TimeoutStartSec = "${limit} 1min";
          };
        }
      ) cfg.targetUnits
    );

    systemd.targets = lib.listToAttrs (
      map (
        each:
        lib.nameValuePair (lib.removeSuffix ".target" each.unit) {
          wantedBy = [ "multi-user.target" ];
        }
      ) cfg.targetUnits
    );
  };
}
