# The examples of docs/nixos.md, each tried as what it is.
{ nixpkgs }:

let
  lib = import (nixpkgs + "/lib");
  page = builtins.readFile ../../docs/nixos.md;
  blocks = map (part: lib.head (lib.splitString "\n```" part)) (
    lib.tail (lib.splitString "```nix\n" page)
  );
  files = lib.imap0 (
    index: text:
    builtins.toFile "block-${toString index}.nix" (
      lib.replaceStrings [ "./secrets" "./guardian" ] [ "/secrets" (toString ../..) ] text
    )
  ) blocks;

  # Of other projects, as far as the examples set them.
  foreign =
    { lib, ... }:
    let
      anything = lib.mkOption {
        type = lib.types.attrsOf lib.types.anything;
        default = { };
      };
    in
    {
      options = {
        age = anything;
        sops = anything;
        environment.persistence = anything;
      };
    };
  nixosSystem =
    { system, modules }:
    import (nixpkgs + "/nixos/lib/eval-config.nix") {
      inherit system;
      modules = modules ++ [
        foreign
        {
          boot.isContainer = true;
          system.stateVersion = lib.trivial.release;
        }
      ];
    };

  inputs = {
    nixpkgs = {
      lib = lib // {
        inherit nixosSystem;
      };
      legacyPackages.x86_64-linux = import nixpkgs { system = "x86_64-linux"; };
    };
    guardian = (import ../../flake.nix).outputs {
      self = { };
      inherit (inputs) nixpkgs;
    };
    sops-nix.nixosModules.sops = { };
  };

  # Names that are only examples run nothing here, so what is said of those does not count.
  unmet =
    config:
    map (each: each.message) (
      lib.filter (
        each: !each.assertion && lib.hasPrefix "services.guardian" each.message
      ) config.assertions
    );
in
{
  flake =
    lib.mapAttrs (_: host: unmet host.config)
      ((import (lib.head files)).outputs inputs).nixosConfigurations;

  blocks = map (
    file:
    let
      inherit
        (nixosSystem {
          system = "x86_64-linux";
          modules = [
            ../../nix/modules
            file
          ];
        })
        config
        ;
    in
    builtins.deepSeq [
      config.services.guardian.agent.settings
      config.services.guardian.coordinator.settings
    ] true
  ) (lib.tail files);
}
