# Evaluates hosts with the modules of this tree, as JSON and without building anything.
{ nixpkgs }:

let
  lib = import (nixpkgs + "/lib");
  here = toString ../../nix;

  base =
    { pkgs, ... }:
    {
      imports = [ ../../nix/modules ];
      services.guardian.package = pkgs.writeTextDir "bin/guardian" "" // {
        meta.mainProgram = "guardian";
      };
      boot.isContainer = true;
      documentation.enable = false;
      networking.hostName = "web1";
      system.stateVersion = lib.trivial.release;
    };
  evaluate =
    module:
    import (nixpkgs + "/nixos/lib/eval-config.nix") {
      system = "x86_64-linux";
      modules = [
        base
        module
      ];
    };

  # Without those of NixOS itself, which would take long.
  own =
    option:
    lib.concatMap (
      definition: lib.optionals (lib.hasPrefix here definition.file) definition.value
    ) option.definitionsWithLocations;
  complaints = options: {
    assertions = map (each: each.message) (lib.filter (each: !each.assertion) (own options.assertions));
    warnings = own options.warnings;
  };

  plain = builtins.unsafeDiscardStringContext;
  isOurs = name: lib.match "(wait-for-)?io-.*" name != null;
  present = lib.filterAttrsRecursive (_: value: value != null);

  render =
    { module, units }:
    let
      inherit (evaluate module) config options;
      packaged = lib.filter (package: package ? destination) config.systemd.packages;
      shown = lib.filterAttrs (name: _: isOurs name || lib.elem name units) config.systemd.units;
      guardian = config.services.guardian;
    in
    complaints options
    // {
      # Unit files of a package, and what NixOS makes of the configuration: files of their own, or drop-ins of those.
      packaged = lib.listToAttrs (
        map (package: lib.nameValuePair (baseNameOf package.destination) (plain package.text)) packaged
      );
      units = lib.mapAttrs (_: unit: {
        text = plain unit.text;
        inherit (unit) overrideStrategy wantedBy;
      }) shown;
      agent = if guardian.agent.enable then present guardian.agent.settings else null;
      coordinator = if guardian.coordinator.enable then present guardian.coordinator.settings else null;
      preStart = plain (config.systemd.services.io-guardian-coordinator.preStart or "");
      rebuild =
        if config.environment.etc ? "guardian/rebuild.json" then
          removeAttrs guardian.agent.rebuild [ "enable" ]
        else
          null;
      polkit = config.security.polkit.enable;
      rules = config.security.polkit.extraConfig;
      firewall = {
        everywhere = config.networking.firewall.allowedTCPPorts;
        interfaces = lib.mapAttrs (_: each: each.allowedTCPPorts) config.networking.firewall.interfaces;
      };
      scrapes = map (job: {
        inherit (job) job_name;
        urls = map (each: each.url) (if job.http_sd_configs == null then [ ] else job.http_sd_configs);
        targets = lib.concatMap (each: each.targets) (
          if job.static_configs == null then [ ] else job.static_configs
        );
      }) config.services.prometheus.scrapeConfigs;
      roles = map (role: role.name) config.services.postgresql.ensureUsers;
    };
in
{
  refused = lib.mapAttrs (_: { module, says }: {
    said = complaints (evaluate module).options;
    inherit says;
  }) (import ./refused.nix { inherit lib; });

  options =
    map
      (option: {
        inherit (option) name type;
        description = option.description or "";
        default = option.default.text or null;
        example = option.example.text or null;
      })
      (
        lib.filter (option: option.visible && !option.internal) (
          lib.optionAttrSetToDocList (evaluate { }).options.services.guardian
        )
      );

  hosts = lib.mapAttrs (_: render) (import ./hosts.nix { inherit lib; });
}
