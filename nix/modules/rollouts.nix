# Rollouts of the coordinator, and those that the clock starts.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib) mkIf mkOption types;
  cfg = config.services.guardian.coordinator;
  guardian = config.services.guardian.package;
  units = import ../units.nix { inherit lib pkgs guardian; };
  matches = import ../selector.nix { inherit lib; };
  json = pkgs.formats.json { };

  scheduled = lib.filterAttrs (_: policy: policy.schedule != null) cfg.rolloutPolicies;
  isUsed = cfg.rolloutPolicies != { } || cfg.budgets != { };

  hosts = lib.mapAttrsToList (name: host: {
    inherit name;
    tags = host.tags or [ ];
  }) cfg.settings.hosts;
  stray = policy: lib.filter (host: !lib.any (stage: matches stage.select host) policy.stages) hosts;
  empty = policy: lib.filter (stage: !lib.any (matches stage.select) hosts) policy.stages;
  namesOf = lib.concatMapStringsSep ", " (each: each.name);
in
{
  options.services.guardian.coordinator = {
    budgets = mkOption {
      type = types.attrsOf json.type;
      default = { };
      example.web = {
        select = "@web";
        maxUnavailable = 1;
      };
      description = "How many of the hosts that a selector matches may be out of service at once, as a number or a share such as `\"34%\"`.";
    };

    rolloutPolicies = mkOption {
      default = { };
      example.default = {
        source = {
          mode = "closure";
          flake = "git+ssh://git@forge.example.org/infra";
        };
        stages = [
          {
            name = "canary";
            select = "web1";
            promote = "manual";
          }
          {
            name = "all";
            select = "*";
          }
        ];
      };
      description = "How the fleet is rebuilt, by name; every key is in {file}`docs/rollouts.md`.";
      type = types.attrsOf (
        types.submodule {
          freeformType = json.type;
          options = {
            stages = mkOption {
              type = types.listOf json.type;
              description = "Its stages, in their order; a host belongs to the first that selects it.";
            };
            schedule = mkOption {
              type = types.nullOr types.str;
              default = null;
              example = "Sun 03:00";
              description = ''
                When a rollout of it begins by itself, as `OnCalendar=` of systemd. It takes the place of
                {option}`system.autoUpgrade`.
              '';
            };
          };
        }
      );
    };

    self = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "io";
      description = "The name of this host among {option}`services.guardian.coordinator.settings.hosts`, where it has an agent: it is rebuilt alone, and last.";
    };

    prometheus = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "http://127.0.0.1:9090";
      description = "Where gates and probes with `promql` are asked.";
    };
  };

  config = mkIf (cfg.enable && isUsed) {
    services.guardian.coordinator.settings.rebuilds = {
      inherit (cfg) budgets self prometheus;
      policies = lib.mapAttrs (_: policy: removeAttrs policy [ "schedule" ]) cfg.rolloutPolicies;
    };

    assertions = lib.mapAttrsToList (name: _: {
      assertion = !config.system.autoUpgrade.enable;
      message = "services.guardian.coordinator.rolloutPolicies.${name}.schedule and system.autoUpgrade.enable would both rebuild this host, the latter undrained: turn one of them off.";
    }) scheduled;

    warnings = lib.concatLists (
      lib.mapAttrsToList (
        name: policy:
        lib.optional (stray policy != [ ])
          "services.guardian.coordinator.rolloutPolicies.${name}.stages leaves out ${namesOf (stray policy)}: a plan for all hosts is refused. Add a stage with select = \"*\"."
        ++
          lib.optional (empty policy != [ ])
            "services.guardian.coordinator.rolloutPolicies.${name}.stages has no host in ${namesOf (empty policy)}: correct its select. Hosts are named, or tagged, in the list of hosts."
      ) cfg.rolloutPolicies
    );

    systemd.packages = mkIf (scheduled != { }) [
      (units.unit "io-guardian-rollout@.service" { })
      (units.unit "io-guardian-rollout@.timer" { })
    ];
    systemd.services."io-guardian-rollout@" = mkIf (scheduled != { }) {
      restartIfChanged = false;
      unitConfig.X-StopOnRemoval = false;
      path = [
        config.nix.package
        pkgs.gitMinimal
        pkgs.openssh
      ];
    };
    systemd.timers = lib.mapAttrs' (
      name: policy:
      lib.nameValuePair "io-guardian-rollout@${name}" {
        overrideStrategy = "asDropin";
        wantedBy = [ "timers.target" ];
        timerConfig.OnCalendar = [
          ""
          policy.schedule
        ];
      }
    ) scheduled;
  };
}
