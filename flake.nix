{
  description = "Dependencies across machines for systemd: drain and undrain targets on a fleet";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      each = lib.genAttrs [
        "aarch64-linux"
        "x86_64-linux"
      ];
      pkgsOf = system: nixpkgs.legacyPackages.${system};
      formatter = pkgs: pkgs.nixfmt-tree or pkgs.nixfmt-rfc-style;
    in
    {
      packages = each (system: rec {
        guardian = (pkgsOf system).callPackage ./nix/package.nix { };
        default = guardian;
      });

      overlays.default = final: _: {
        guardian = final.callPackage ./nix/package.nix { };
      };

      nixosModules = {
        default = ./nix/modules;
        agent = ./nix/modules/agent.nix;
        coordinator = ./nix/modules/coordinator.nix;
        fleet = ./nix/modules/fleet.nix;
        server-database = ./nix/modules/server-database.nix;
      };

      lib.mkFleet = import ./nix/fleet.nix { inherit lib; };

      devShells = each (system: {
        default = import ./nix/shell.nix { pkgs = pkgsOf system; };
      });

      formatter = each (system: formatter (pkgsOf system));

      checks = each (
        system:
        let
          pkgs = pkgsOf system;
        in
        import ./nix/tests { inherit pkgs; }
        // {
          package = self.packages.${system}.guardian;
          format = pkgs.runCommandLocal "guardian-format" { nativeBuildInputs = [ pkgs.nixfmt ]; } ''
            nixfmt --check ${./flake.nix} $(find ${./nix} ${./test/nix} -name '*.nix')
            touch $out
          '';
        }
      );
    };
}
