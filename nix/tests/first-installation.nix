# A switch brings guardian to a host whose database runs already: nobody is drained, and the gate is there.
{ lib, ... }:

let
  fleet = import ../fleet.nix { inherit lib; } {
    coordinator = "io";
    hosts = {
      io = { };
      web1 = { };
    };
    resources.postgresql.type = "postgres";
    openFirewall = true;
    pskFile = "/etc/test-keys/own";
    fleetKeyFile = "/etc/test-keys/fleet";
  };
  keys = pkgs: pkgs.runCommand "test-keys" { } "${lib.getExe (fleet.makeKeys pkgs)} $out";
in
{
  name = "guardian-first-installation";

  nodes = {
    io =
      { pkgs, ... }:
      {
        imports = [ ./databases.nix ];
        environment.etc."test-keys/fleet".source = "${keys pkgs}/fleet.key";
        system.switch.enable = true;
        specialisation.guardian.configuration = fleet.nixosModules.io;
      };

    web1 =
      { pkgs, ... }:
      {
        imports = [
          fleet.nixosModules.web1
          ./worker.nix
        ];
        environment.etc."test-keys/own".source = "${keys pkgs}/web1.key";
        services.guardian.agent = {
          dependentServices = [ "shop" ];
          # Until the coordinator is there.
          settings.bootWithoutCoordinator = "5s";
        };
      };
  };

  testScript = ''
    start_all()
    io.wait_for_unit("postgresql.target")
    web1.wait_for_unit("shop.service")
    before = web1.succeed("systemctl show --property InvocationID --value shop.service")

    io.succeed("/run/current-system/specialisation/guardian/bin/switch-to-configuration test")
    io.succeed("systemctl is-active io-guardian-gate@postgresql.service")
    io.wait_until_succeeds("guardian ctl host web1 | grep -q open")
    assert before == web1.succeed("systemctl show --property InvocationID --value shop.service")
    web1.fail("journalctl --unit io-guardian.service | grep draining")

    io.succeed("systemctl stop postgresql.service")
    web1.fail("systemctl is-active shop.service")

    # Gone again, it drains nobody either.
    io.succeed("systemctl start postgresql.target")
    web1.wait_for_unit("shop.service")
    before = web1.succeed("systemctl show --property InvocationID --value shop.service")
    io.succeed("/run/booted-system/bin/switch-to-configuration test")
    io.succeed("systemctl is-active postgresql.service")
    assert before == web1.succeed("systemctl show --property InvocationID --value shop.service")
  '';
}
