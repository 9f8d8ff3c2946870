# What hangs on a target of this host: options, and the lines that guard each unit.
{
  config,
  lib,
  ...
}:

let
  inherit (lib)
    mkForce
    mkIf
    mkOption
    types
    ;
  cfg = config.services.guardian.agent;
  names = import ../names.nix { inherit lib; };

  byUnit = lib.mapAttrs' (_: dependent: lib.nameValuePair dependent.unit dependent) cfg.dependents;

  # What a timer, socket or path starts, with the defaults of systemd.
  triggered = {
    timers = name: unit: unit.timerConfig.Unit or "${name}.service";
    paths = name: unit: unit.pathConfig.Unit or "${name}.service";
    sockets =
      name: unit:
      if
        lib.elem (unit.socketConfig.Accept or false) [
          true
          "yes"
          "true"
        ]
      then
        "${name}@.service"
      else
        unit.socketConfig.Service or "${name}.service";
  };
  isTriggered =
    service:
    lib.any (
      kind:
      lib.any (name: triggered.${kind} name config.systemd.${kind}.${name} == service) (
        lib.attrNames config.systemd.${kind}
      )
    ) (lib.attrNames triggered);

  dependentOf =
    kind: name: unit:
    byUnit."${name}.${names.kinds.${kind}}"
      or (if triggered ? ${kind} then byUnit.${triggered.${kind} name unit} or null else null);

  kindOf =
    unit:
    lib.findFirst (kind: lib.hasSuffix ".${names.kinds.${kind}}" unit) null (lib.attrNames names.kinds);

  # Whether something gives the unit its contents: a name alone may come from anywhere, such as a typing error.
  isThere =
    unit:
    let
      kind = kindOf unit;
      name = lib.removeSuffix ".${names.kinds.${kind}}" unit;
      instance = lib.match "([^@]+@).+" name;
      found = config.systemd.${kind}.${name} or null;
      template = if instance == null then null else config.systemd.${kind}.${lib.head instance} or null;
      starts = service: service != null && service.serviceConfig ? ExecStart;
    in
    if kind == "services" then
      found != null && found.enable && (starts found || starts template)
    else
      found != null && found.enable;

  faults =
    name: dependent:
    let
      option = "services.guardian.agent.dependents.${name}";
      own = [
        "io-guardian.service"
      ]
      ++ lib.concatMap (each: [
        each.unit
        each.wait
      ]) cfg.targetUnits;
      strange = lib.filter (target: !cfg.settings.targets ? ${target}) dependent.targets;
    in
    [
      {
        assertion = strange == [ ];
        message = "${option}.targets names ${toString strange}, but this host has only ${toString (lib.attrNames cfg.settings.targets)}: correct it, or add the target to services.guardian.agent.settings.targets.";
      }
    ]
    ++ (
      if kindOf dependent.unit == null then
        [
          {
            assertion = false;
            message = "${option}.unit is ${dependent.unit}, which guardian cannot guard: name a ${lib.concatStringsSep ", " (lib.attrValues names.kinds)}.";
          }
        ]
      else
        [
          {
            assertion = !lib.elem dependent.unit own;
            message = "${option}.unit is ${dependent.unit}, a unit of guardian itself, which would wait for itself: remove ${option}.";
          }
          {
            assertion = lib.elem dependent.unit own || dependent.fromPackage || isThere dependent.unit;
            message = "${option}.unit is ${dependent.unit}, but nothing on this host defines what it runs: correct the name, enable the service, or, where its unit file comes from systemd.packages, set ${option}.fromPackage = true.";
          }
        ]
    );

  twins = lib.mapAttrsToList (unit: group: {
    assertion = lib.length group < 2;
    message = "services.guardian.agent.dependents.${lib.concatStringsSep " and services.guardian.agent.dependents." group} are both ${unit}: keep one, and list every target that it needs in its targets.";
  }) (lib.groupBy (name: cfg.dependents.${name}.unit) (lib.attrNames cfg.dependents));

  # Not by naming systemd.services.<name>: that would make a unit of each name that is misspelled.
  guard =
    kind:
    mkOption {
      type = types.attrsOf (
        types.submodule (
          { name, config, ... }:
          let
            dependent = dependentOf kind name config;
            targets = map (
              target: cfg.settings.targets.${target}.unit or (names.targetUnit target)
            ) dependent.targets;
            # A target brings back what starts a dependent, but not what only that starts.
            wanted = dependent.wanted || triggered ? ${kind};
          in
          {
            config = mkIf (cfg.enable && dependent != null) (
              lib.mkMerge [
                {
                  requires = targets;
                  after = targets;
                  wantedBy =
                    if dependent.exclusive then mkForce (lib.optionals wanted targets) else mkIf wanted targets;
                  unitConfig.AssertPathExists = map (target: "!${names.marker target}") dependent.targets;
                }
                (lib.optionalAttrs (kind == "services") {
                  serviceConfig = mkIf (dependent.stopTimeout != null) {
                    TimeoutStopSec = mkForce dependent.stopTimeout;
                  };
                })
                # By default they are before basic.target, and so before everything that a target waits for.
                (lib.optionalAttrs (kind == "sockets" || kind == "paths") {
                  unitConfig.DefaultDependencies = lib.mkDefault false;
                  requires = [ "sysinit.target" ];
                  after = [ "sysinit.target" ];
                  conflicts = [ "shutdown.target" ];
                  before = [ "shutdown.target" ];
                })
              ]
            );
          }
        )
      );
    };
in
{
  options = {
    systemd = lib.mapAttrs (kind: _: guard kind) names.kinds;

    services.guardian.agent.dependents = mkOption {
      description = ''
        Units of this host that run only while a target is open, each with its timers, sockets and
        paths: stopped before the target counts as drained, started again with it, and shut in
        between, whoever starts them.
      '';
      default = { };
      example = lib.literalExpression ''
        {
          open-webui = { };
          nextcloud.unit = "phpfpm-nextcloud.service";
        }
      '';
      type = types.attrsOf (
        types.submodule (
          { name, config, ... }:
          {
            options = {
              unit = mkOption {
                type = types.str;
                default = names.toUnit name;
                defaultText = lib.literalMD "the attribute's name, with `.service` where it has no suffix";
                description = "The unit: a service, timer, socket, path or target.";
              };
              targets = mkOption {
                type = types.nonEmptyListOf types.str;
                default = [ "io-databases" ];
                example = [
                  "io-databases"
                  "storage"
                ];
                description = ''
                  The targets that it needs, of {option}`services.guardian.agent.settings.targets`. It
                  stops with the first that is drained and starts with the last that opens.
                '';
              };
              wanted = mkOption {
                type = types.bool;
                default = !isTriggered config.unit;
                defaultText = lib.literalMD "`false` where a timer, socket or path of this host starts it";
                description = ''
                  Whether the target starts it when it opens. Timers, sockets and paths of a dependent
                  are started in any case.
                '';
              };
              exclusive = mkOption {
                type = types.bool;
                default = false;
                description = ''
                  Whether the targets alone start it, in place of {file}`multi-user.target` and whatever
                  else wants it: booting while drained then logs no failed dependency of it, and
                  {file}`multi-user.target` does not wait for the databases.
                '';
              };
              stopTimeout = mkOption {
                type = types.nullOr types.str;
                default = null;
                example = "30s";
                description = ''
                  How long systemd lets it stop before it kills it, for a service whose own limit is
                  longer than a drain may take.
                '';
              };
              allowLeftovers = mkOption {
                type = types.bool;
                default = false;
                description = ''
                  Whether it is drained although processes of it remain, as `KillMode=process` leaves
                  them.
                '';
              };
              fromPackage = mkOption {
                type = types.bool;
                default = false;
                description = ''
                  Whether its unit file comes from {option}`systemd.packages`: its lines are then a
                  drop-in, and no `ExecStart=` is looked for.
                '';
              };
            };
          }
        )
      );
    };

    services.guardian.agent.dependentServices = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "open-webui"
        "worker.service"
      ];
      description = "Short for {option}`services.guardian.agent.dependents` without any options.";
    };
  };

  config = {
    services.guardian.agent.dependents = lib.genAttrs cfg.dependentServices (_: { });

    systemd = lib.genAttrs (lib.attrNames names.kinds) (
      kind:
      let
        suffix = ".${names.kinds.${kind}}";
      in
      mkIf cfg.enable (
        lib.listToAttrs (
          map
            (
              dependent:
              lib.nameValuePair (lib.removeSuffix suffix dependent.unit) {
                # Or an instance of a packaged template would get a file of its own, without its contents.
                overrideStrategy = lib.mkDefault "asDropin";
              }
            )
            (
              lib.filter (dependent: dependent.fromPackage && lib.hasSuffix suffix dependent.unit) (
                lib.attrValues cfg.dependents
              )
            )
        )
      )
    );

    assertions = lib.mkIf cfg.enable (
      lib.concatLists (lib.mapAttrsToList faults cfg.dependents) ++ twins
    );
  };
}
