# What the flake gives, down to what would be built.
{ nixpkgs }:

let
  lib = import (nixpkgs + "/lib");
  flake = import ../../flake.nix;
  # What Haskell is needed for: a tree of nixpkgs without its largest files has no Haskell.
  stub = pkgs: pkgs.hello // { compiler.bootstrapAvailable = true; };
  overlay = _: pkgs: {
    nixfmt = stub pkgs;
    nixfmt-tree = stub pkgs;
    shellcheck = stub pkgs;
    shellcheck-minimal = stub pkgs;
  };
  legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
    system:
    import nixpkgs {
      inherit system;
      overlays = [ overlay ];
    }
  );
  outputs = flake.outputs {
    self = outputs;
    nixpkgs = {
      inherit lib;
      inherit legacyPackages;
    };
  };
  drvPaths = lib.mapAttrs (_: drv: builtins.unsafeDiscardStringContext drv.drvPath);
in
{
  flake = {
    systems = lib.attrNames outputs.packages;
    packages = drvPaths outputs.packages.x86_64-linux;
    elsewhere = drvPaths outputs.packages.aarch64-linux;
    devShells = drvPaths outputs.devShells.x86_64-linux;
    checks = drvPaths outputs.checks.x86_64-linux;
    scripts = lib.mapAttrs (_: test: test.config.testScriptString) {
      inherit (outputs.checks.x86_64-linux) first-installation fleet;
    };
    formatter = outputs.formatter.x86_64-linux.name;
    modules = lib.mapAttrs (_: builtins.pathExists) outputs.nixosModules;
    overlay =
      (import nixpkgs {
        system = "x86_64-linux";
        overlays = [ outputs.overlays.default ];
      }).guardian.name;
    makeKeys =
      builtins.unsafeDiscardStringContext
        (
          (outputs.lib.mkFleet {
            coordinator = "io";
            hosts = {
              io = { };
              monitor.agent = false;
              web1 = { };
              web2.keyName = "old-web2";
            };
          }).makeKeys
          legacyPackages.x86_64-linux
        ).text;
  };
}
