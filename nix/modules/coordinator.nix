{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib)
    mkDefault
    mkIf
    mkOption
    optional
    types
    ;
  cfg = config.services.guardian.coordinator;
  # The agent module may not be there.
  dependentUnits = lib.mapAttrsToList (_: each: each.unit) (
    config.services.guardian.agent.dependents or { }
  );
  guardian = config.services.guardian.package;
  units = import ../units.nix { inherit lib pkgs guardian; };
  json = pkgs.formats.json { };
  inherit (import ./settings.nix { inherit lib pkgs guardian; }) checkedFile isExternal;

  running = import ./databases.nix { inherit config lib; };
  used = lib.filterAttrs (name: _: lib.elem name cfg.databases) running;
  gated = lib.filterAttrs (_: resource: resource.gate == "local") cfg.settings.resources;
  gates = lib.mapAttrs (
    name: _:
    cfg.gates.${name} or {
      units = [ ];
      after = [ ];
    }
  ) gated;
  gateUnit = name: "io-guardian-gate@${name}";

  apiPort = cfg.settings.api.listen.port or 9877;

  file = checkedFile {
    name = "coordinator.json";
    inherit (cfg) settings;
    isCheckable = !cfg.settings ? api.tokens;
  };

  # Beside databases that run already, as at a first installation, their gates are up before the daemon looks:
  # without their files it would drain the fleet. A further gate is another script, and so a restart of the daemon.
  adoptGates = lib.concatStrings (
    lib.mapAttrsToList (
      name: gate:
      let
        isActive =
          unit: "${config.systemd.package}/bin/systemctl is-active --quiet ${lib.escapeShellArg unit}";
      in
      ''
        if [ ! -e ${lib.escapeShellArg "/run/io-guardian-gate/${name}"} ] && ${
          lib.concatMapStringsSep " && " isActive (gate.units ++ gate.after)
        }; then
          ${lib.getExe guardian} gate up ${lib.escapeShellArg name} --config /etc/guardian/coordinator.json || true
        fi
      ''
    ) (lib.filterAttrs (_: gate: gate.units != [ ]) gates)
  );

  isThere =
    unit:
    !lib.hasSuffix ".service" unit || (config.systemd.services ? ${lib.removeSuffix ".service" unit});
in
{
  imports = [
    ./package.nix
    ./rollouts.nix
  ];

  options.services.guardian.coordinator = {
    enable = lib.mkEnableOption "the coordinator of guardian, on the host that has the databases. The command {command}`guardian` is then installed too";

    settings = mkOption {
      default = { };
      example = lib.literalExpression ''
        {
          hosts.web1 = {
            address = "10.0.0.11";
            tags = [ "web" ];
          };
          targets.io-databases = {
            needs = [ "postgresql" ];
            waves = [ "@web" ];
            drainDeadline = "30s";
          };
        }
      '';
      description = ''
        What stands in {file}`/etc/guardian/coordinator.json`. Any setting may be given; the file is
        checked when the system is built, unless it has `api.tokens`.
      '';
      type = types.submodule {
        freeformType = json.type;
        options = {
          keys = mkOption {
            type = types.enum [
              "derived"
              "shared"
            ];
            default = "derived";
            description = ''
              Whether each host has a key made from that of the fleet, or all have the same. With the
              same, who breaks into one host can order them all.
            '';
          };
          hosts = mkOption {
            default = { };
            example.web1.address = "10.0.0.11";
            description = "The hosts of the fleet, by name.";
            type = types.attrsOf (
              types.submodule {
                freeformType = json.type;
                options.address = mkOption {
                  type = types.str;
                  description = "Where its agent is: an address, or a name that is resolved at each dial.";
                };
              }
            );
          };
          resources = mkOption {
            default = { };
            description = ''
              What the targets need. The databases of {option}`services.guardian.coordinator.databases`
              are here already, with a probe and a gate.
            '';
            type = types.attrsOf (
              types.submodule {
                freeformType = json.type;
                options = {
                  gate = mkOption {
                    type = types.enum [
                      "local"
                      "none"
                    ];
                    default = "none";
                    description = ''
                      `local` drains the fleet before its units stop, for which this host has
                      {file}`io-guardian-gate@<resource>.service`.
                    '';
                  };
                  gateDeadline = mkOption {
                    type = types.str;
                    default = "90s";
                    description = "How long the gate holds the database up for hosts that are still draining.";
                  };
                };
              }
            );
          };
        };
      };
    };

    pskFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/run/secrets/guardian-fleet";
      description = ''
        The file with the key of the fleet, outside the Nix store, readable by root. systemd hands it to
        the daemon when that starts, so a new key needs a restart of
        {file}`io-guardian-coordinator.service`, which drains nothing; a gate reads it as it stops.
      '';
    };

    databases = mkOption {
      type = types.listOf types.str;
      default = lib.attrNames running;
      defaultText = lib.literalMD ''
        `postgresql` where {option}`services.postgresql` is enabled, and `redis` and `redis-<name>` of
        {option}`services.redis.servers`
      '';
      example = [ "postgresql" ];
      description = "The databases of this host that others depend on: each becomes a resource with probe and gate.";
    };

    gates = mkOption {
      default = { };
      example.mariadb.units = [ "mysql.service" ];
      description = ''
        The units of each resource whose `gate` is `local`. Those of
        {option}`services.guardian.coordinator.databases` are here already.
      '';
      type = types.attrsOf (
        types.submodule {
          options = {
            units = mkOption {
              type = types.listOf types.str;
              description = "The units that hold the data: before one of them stops the fleet is drained.";
            };
            after = mkOption {
              type = types.listOf types.str;
              default = [ ];
              description = "Units that must be done before anybody may use the data, such as one that makes databases.";
            };
          };
        }
      );
    };

    after = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "tailscaled.service" ];
      description = ''
        Units that the network to the hosts needs, so that it is still there when the gates drain the
        fleet at poweroff.
      '';
    };

    operators = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "alice" ];
      description = "Users who may drain and undrain with {command}`guardian ctl`; root may in any case.";
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Whether to open the port of the HTTP API, `settings.api.listen`, on every interface.";
    };

    openFirewallInterfaces = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "tailscale0" ];
      description = "The interfaces to open the port of the HTTP API on.";
    };
  };

  config = mkIf cfg.enable {
    services.guardian.coordinator = {
      gates = lib.mapAttrs (_: database: {
        units = mkDefault database.units;
        after = mkDefault database.after;
      }) used;
      settings.resources = lib.mapAttrs (_: database: {
        gate = mkDefault "local";
        probe = lib.mapAttrs (_: mkDefault) database.probe;
      }) used;
    };

    # The probe's own role, which may do nothing but log in.
    services.postgresql.ensureUsers = mkIf (used ? postgresql) [
      { name = "io-guardian-coordinator"; }
    ];

    assertions = [
      {
        assertion = cfg.pskFile != null || cfg.settings ? tls;
        message = "services.guardian.coordinator.pskFile is not set: make a key with guardian keygen and name a file outside the Nix store, such as \"/run/secrets/guardian-fleet\".";
      }
      {
        assertion = cfg.pskFile == null || isExternal cfg.pskFile;
        message = "services.guardian.coordinator.pskFile is in the Nix store, where everybody can read it: give the path of a file outside as a string, such as \"/run/secrets/guardian-fleet\", and replace the key.";
      }
      {
        assertion = !cfg.settings ? pskFile;
        message = "services.guardian.coordinator.settings.pskFile would have to be readable by the daemon: use services.guardian.coordinator.pskFile, which systemd reads as root.";
      }
      {
        assertion = !cfg.settings ? stateDir && !cfg.settings ? runtimeDir && !cfg.settings ? gateDir;
        message = "services.guardian.coordinator.settings.stateDir, runtimeDir and gateDir cannot be changed, since the units name the directories too: remove them.";
      }
      {
        assertion = cfg.openFirewall || cfg.openFirewallInterfaces != [ ] -> cfg.settings ? api.listen;
        message = "services.guardian.coordinator.openFirewall opens the port of an API that does not listen: set services.guardian.coordinator.settings.api.listen.address, or remove it.";
      }
    ]
    ++ map (name: {
      assertion = running ? ${name};
      message = "services.guardian.coordinator.databases names ${name}, but this host runs ${
        if running == { } then "no database" else lib.concatStringsSep ", " (lib.attrNames running)
      }: enable it, or describe it in services.guardian.coordinator.settings.resources.${name} and services.guardian.coordinator.gates.${name}.units.";
    }) cfg.databases
    ++ lib.mapAttrsToList (name: gate: {
      assertion = gate.units != [ ];
      message = "services.guardian.coordinator.settings.resources.${name}.gate is \"local\", but nothing says which units hold its data: set services.guardian.coordinator.gates.${name}.units.";
    }) gates
    ++ lib.concatLists (
      lib.mapAttrsToList (
        name: gate:
        map (unit: {
          assertion = isThere unit;
          message = "services.guardian.coordinator.gates.${name} names ${unit}, which this host does not define: correct the name, or enable the service.";
        }) (gate.units ++ gate.after)
      ) gates
    )
    ++ map (name: {
      assertion = gated ? ${name};
      message = "services.guardian.coordinator.gates.${name} is there, but services.guardian.coordinator.settings.resources.${name}.gate is not \"local\": set it, or remove the gate.";
    }) (lib.filter (name: !used ? ${name}) (lib.attrNames cfg.gates));

    warnings =
      optional (cfg.settings.hosts == { })
        "services.guardian.coordinator.settings.hosts is empty: no host is drained before a database stops."
      ++
        optional (gates == { })
          "services.guardian.coordinator has no gate: databases stop without a drain. Set services.guardian.coordinator.settings.resources.<name>.gate = \"local\"."
      ++
        optional (cfg.settings.keys == "shared")
          "services.guardian.coordinator.settings.keys is \"shared\": whoever has the key of one host can order them all. With \"derived\" each has its own."
      ++ lib.concatLists (
        lib.mapAttrsToList (
          name: gate:
          map (
            unit:
            "services.guardian.agent.dependents has ${unit}, which services.guardian.coordinator.gates.${name} drains the fleet for: a drain of this host would stop the database. Remove one of them."
          ) (lib.filter (unit: lib.elem unit dependentUnits) gate.units)
        ) gates
      );

    environment.etc."guardian/coordinator.json".source = file;
    environment.systemPackages = [ guardian ];

    users.users.io-guardian-coordinator = {
      isSystemUser = true;
      group = "io-guardian-coordinator";
      description = "guardian coordinator";
    };
    users.groups = {
      io-guardian-coordinator = { };
      io-guardian-operators.members = cfg.operators;
    };

    networking.firewall = {
      allowedTCPPorts = optional cfg.openFirewall apiPort;
      interfaces = lib.genAttrs cfg.openFirewallInterfaces (_: {
        allowedTCPPorts = [ apiPort ];
      });
    };

    systemd.tmpfiles.packages = [
      (pkgs.writeTextFile {
        name = "guardian-tmpfiles";
        destination = "/lib/tmpfiles.d/io-guardian-coordinator.conf";
        text = builtins.readFile ../../units/io-guardian-coordinator.tmpfiles.conf;
      })
    ];

    systemd.packages = [
      (units.unit "io-database-coordinator.service" { })
      (units.unit "io-guardian-coordinator.service" { })
      (units.unit "io-guardian-gate@.service" (
        lib.optionalAttrs (cfg.pskFile != null) { "/etc/guardian/fleet.key" = toString cfg.pskFile; }
      ))
    ];

    systemd.services = {
      io-guardian-coordinator = {
        wantedBy = [ "multi-user.target" ];
        inherit (cfg) after;
        reloadTriggers = [ file ];
        # What a reload leaves as it was.
        restartTriggers = [ (builtins.toJSON (cfg.settings.api.listen or null)) ];
        stopIfChanged = false;
        enableDefaultPath = false;
        preStart = adoptGates;
        serviceConfig = {
          LoadCredential = [ "" ] ++ optional (cfg.pskFile != null) "psk:${toString cfg.pskFile}";
          ReadWritePaths = [ "-/run/io-guardian-gate" ];
          SupplementaryGroups = lib.unique (lib.concatMap (database: database.groups) (lib.attrValues used));
        };
      };

      io-database-coordinator = {
        wantedBy = [ "multi-user.target" ];
        wants = map (name: "${gateUnit name}.service") (lib.attrNames gates);
        # Stopped, it drains the fleet: by hand, never by a switch.
        restartIfChanged = false;
        unitConfig.X-StopOnRemoval = false;
        enableDefaultPath = false;
      };
    }
    // lib.mapAttrs' (
      name: gate:
      lib.nameValuePair (gateUnit name) {
        overrideStrategy = "asDropin";
        bindsTo = gate.units;
        after = gate.units ++ gate.after ++ cfg.after;
        wantedBy = gate.units;
        restartIfChanged = false;
        unitConfig.X-StopOnRemoval = false;
        enableDefaultPath = false;
        serviceConfig.TimeoutStopSec = "${cfg.settings.resources.${name}.gateDeadline} 30s";
      }
    ) gates;
  };
}
