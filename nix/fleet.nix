# From one list of hosts, as services.guardian.fleet takes it: a NixOS module for each, and a program that makes keys.
{ lib }:

fleet: {
  nixosModules = lib.mapAttrs (host: _: {
    _file = ./fleet.nix;
    imports = [ ./modules ];
    services.guardian.fleet = fleet // {
      inherit host;
    };
  }) fleet.hosts;

  # Run as `guardian-keys DIRECTORY`; what is there already stays.
  makeKeys =
    pkgs:
    pkgs.writeShellApplication {
      name = "guardian-keys";
      runtimeInputs = [ (pkgs.guardian or (pkgs.callPackage ./package.nix { })) ];
      text =
        let
          names = lib.mapAttrsToList (name: host: host.keyName or name) (
            lib.filterAttrs (name: host: host.agent or (name != fleet.coordinator)) fleet.hosts
          );
        in
        ''
          if [ $# != 1 ]; then
            echo "Usage: guardian-keys DIRECTORY" >&2
            exit 2
          fi
          umask 077
          mkdir -p "$1"
          cd "$1"
          [ -e fleet.key ] || guardian keygen --out fleet.key
          for name in ${lib.escapeShellArgs names}; do
            [ -e "$name.key" ] || guardian keygen --host "$name" --psk-file fleet.key --out "$name.key"
          done
        '';
    };
}
