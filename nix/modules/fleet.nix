# One list of hosts, the same in the configuration of each, from which everything follows that they have to agree on.
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
    types
    ;
  cfg = config.services.guardian.fleet;
  json = pkgs.formats.json { };
  running = import ./databases.nix { inherit config lib; };

  isMember = cfg.hosts ? ${cfg.host};
  isCoordinator = cfg.coordinator == cfg.host;
  hasAgent = isMember && cfg.hosts.${cfg.host}.agent;
  ioAddress = cfg.hosts.${cfg.coordinator}.address or cfg.coordinator;
  isIPv6 = lib.hasInfix ":";
  inUrl = address: if isIPv6 address then "[${address}]" else address;
  # Where a host listens that is reached there.
  everywhere = address: if isIPv6 address then "::" else "0.0.0.0";

  probes = lib.mapAttrs (
    _: probe:
    lib.optionalAttrs (lib.elem (probe.type or null) [
      "postgres"
      "redis"
      "tcp"
    ]) { host = ioAddress; }
    // probe
  ) cfg.resources;

  firewall = {
    openFirewall = mkDefault cfg.openFirewall;
    openFirewallInterfaces = cfg.openFirewallInterfaces;
  };
in
{
  imports = [
    ./agent.nix
    ./coordinator.nix
  ];

  options.services.guardian.fleet = {
    hosts = mkOption {
      default = { };
      example = lib.literalExpression ''
        {
          io.address = "10.0.0.1";
          web1 = {
            address = "10.0.0.11";
            tags = [ "web" ];
          };
        }
      '';
      description = "Every host of the fleet. Nothing of this module applies to a machine that is not among them.";
      type = types.attrsOf (
        types.submodule (
          { name, ... }:
          {
            freeformType = json.type;
            options = {
              address = mkOption {
                type = types.str;
                default = name;
                defaultText = lib.literalMD "its name";
                description = "Where the others reach it.";
              };
              port = mkOption {
                type = types.port;
                default = 9876;
                description = "The port of its agent.";
              };
              tags = mkOption {
                type = types.listOf types.str;
                default = [ ];
                description = "What selectors such as `@web` and waves call it.";
              };
              keyName = mkOption {
                type = types.str;
                default = name;
                defaultText = lib.literalMD "its name";
                description = "The name that its key is made from; stays when the host is renamed.";
              };
              targets = mkOption {
                type = types.listOf types.str;
                default = lib.attrNames cfg.targets;
                defaultText = lib.literalMD "all of {option}`services.guardian.fleet.targets`";
                description = "What can be drained on it.";
              };
              agent = mkOption {
                type = types.bool;
                default = name != cfg.coordinator;
                defaultText = lib.literalMD "`false` for the coordinator's host only";
                description = "Whether it has an agent, because services of it need the databases.";
              };
            };
          }
        )
      );
    };

    host = mkOption {
      type = types.str;
      default = config.networking.hostName;
      defaultText = lib.literalExpression "config.networking.hostName";
      description = "Which of the hosts this machine is.";
    };

    coordinator = mkOption {
      type = types.str;
      example = "io";
      description = "The host with the databases, where the coordinator runs.";
    };

    resources = mkOption {
      type = types.attrsOf json.type;
      default = { };
      example.postgresql = {
        type = "postgres";
        port = 5432;
      };
      description = ''
        What the targets need, as agents ask whether it is ready. `host` is the coordinator's address
        where it is not given. Each one that is a database of the coordinator's host gets a gate there.
      '';
    };

    targets = mkOption {
      type = types.attrsOf json.type;
      default.io-databases = { };
      example.io-databases.waves = [
        "@web"
        "@jobs"
      ];
      description = ''
        What can be drained, with waves and deadlines as in the coordinator's settings. `needs` is
        every resource where it is not given.
      '';
    };

    rebuild = mkOption {
      type = types.attrsOf json.type;
      default = { };
      example.enable = true;
      description = "{option}`services.guardian.agent.rebuild` of every host.";
    };

    budgets = mkOption {
      type = types.attrsOf json.type;
      default = { };
      example.web = {
        select = "@web";
        maxUnavailable = 1;
      };
      description = "{option}`services.guardian.coordinator.budgets`.";
    };

    rolloutPolicies = mkOption {
      type = types.attrsOf json.type;
      default = { };
      description = "{option}`services.guardian.coordinator.rolloutPolicies`.";
    };

    pskFile = mkOption {
      type = types.str;
      default = "/run/secrets/guardian";
      description = "Where each host has its own key.";
    };

    fleetKeyFile = mkOption {
      type = types.str;
      default = "/run/secrets/guardian-fleet";
      description = "Where the coordinator's host has the key of the fleet.";
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Whether to open the ports of agents, and that of the coordinator for Prometheus, on every interface.";
    };

    openFirewallInterfaces = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "tailscale0" ];
      description = "The interfaces to open these ports on.";
    };

    prometheus = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "monitor";
      description = ''
        The host whose {option}`services.prometheus` scrapes the coordinator and, as the coordinator
        lists them, all agents.
      '';
    };

    apiPort = mkOption {
      type = types.port;
      default = 9877;
      description = "The port of the coordinator's HTTP API, where it listens for Prometheus.";
    };
  };

  config = lib.mkMerge [
    {
      assertions = mkIf isMember (
        [
          {
            assertion = cfg.hosts ? ${cfg.coordinator};
            message = "services.guardian.fleet.coordinator is ${cfg.coordinator}, which is none of services.guardian.fleet.hosts: add it there.";
          }
          {
            assertion = cfg.prometheus == null || cfg.hosts ? ${cfg.prometheus};
            message = "services.guardian.fleet.prometheus is ${toString cfg.prometheus}, which is none of services.guardian.fleet.hosts: add it there, with agent = false if nothing on it needs the databases.";
          }
        ]
        ++ lib.mapAttrsToList (
          name: host:
          let
            strange = lib.subtractLists (lib.attrNames cfg.targets) host.targets;
          in
          {
            assertion = strange == [ ];
            message = "services.guardian.fleet.hosts.${name}.targets names ${toString strange}, but services.guardian.fleet.targets has only ${toString (lib.attrNames cfg.targets)}: correct it, or add the target there.";
          }
        ) cfg.hosts
      );
    }

    (mkIf hasAgent {
      services.guardian.agent = firewall // {
        enable = true;
        pskFile = mkDefault cfg.pskFile;
        rebuild = lib.mapAttrs (_: mkDefault) cfg.rebuild // {
          host = mkDefault cfg.host;
        };
        settings = {
          inherit (cfg) host;
          listen = {
            address = mkDefault (everywhere cfg.hosts.${cfg.host}.address);
            inherit (cfg.hosts.${cfg.host}) port;
          };
          resources = lib.mapAttrs (_: lib.mapAttrs (_: mkDefault)) probes;
          targets = lib.genAttrs cfg.hosts.${cfg.host}.targets (
            name: builtins.intersectAttrs { needs = null; } (cfg.targets.${name} or { })
          );
        };
      };
    })

    (mkIf (isMember && isCoordinator) {
      services.guardian.coordinator = {
        enable = true;
        pskFile = mkDefault cfg.fleetKeyFile;
        inherit (cfg) budgets rolloutPolicies;
        self = mkIf hasAgent (mkDefault cfg.host);
        databases = mkDefault (lib.intersectLists (lib.attrNames cfg.resources) (lib.attrNames running));
        settings = {
          hosts = lib.mapAttrs (_: host: removeAttrs host [ "agent" ]) (
            lib.filterAttrs (_: host: host.agent) cfg.hosts
          );
          # Those that run here are asked from here.
          resources = lib.mapAttrs (
            name: probe:
            lib.optionalAttrs (!lib.elem name config.services.guardian.coordinator.databases) { inherit probe; }
          ) probes;
          targets = lib.mapAttrs (_: target: { needs = lib.attrNames cfg.resources; } // target) cfg.targets;
        };
      };
    })

    (mkIf (isMember && isCoordinator && cfg.prometheus != null) {
      services.guardian.coordinator = lib.mkMerge [
        {
          settings.api.listen = {
            address = mkDefault (if cfg.prometheus == cfg.host then "127.0.0.1" else everywhere ioAddress);
            port = cfg.apiPort;
          };
        }
        (mkIf (cfg.prometheus != cfg.host) firewall)
      ];
    })

    (mkIf (isMember && cfg.prometheus == cfg.host) {
      warnings =
        lib.optional (!config.services.prometheus.enable)
          "services.guardian.fleet.prometheus is ${cfg.host}, but services.prometheus is not enabled there: enable it, or nobody scrapes.";

      services.prometheus.scrapeConfigs =
        let
          api = "${if isCoordinator then "127.0.0.1" else inUrl ioAddress}:${toString cfg.apiPort}";
        in
        [
          {
            job_name = "guardian-coordinator";
            static_configs = [ { targets = [ api ]; } ];
          }
          {
            job_name = "guardian-agents";
            http_sd_configs = [ { url = "http://${api}/sd"; } ];
            relabel_configs = [
              {
                source_labels = [ "__meta_guardian_host" ];
                target_label = "host";
              }
            ];
          }
        ];
    })
  ];
}
