# One host with databases and two that need them: boot, stop of a database, reboot, switch, poweroff.
{ lib, ... }:

let
  fleet = import ../fleet.nix { inherit lib; } {
    coordinator = "io";
    prometheus = "io";
    hosts = {
      io = { };
      web1.tags = [ "web" ];
      web2.tags = [ "web" ];
    };
    resources = {
      postgresql.type = "postgres";
      redis.type = "redis";
    };
    openFirewall = true;
    pskFile = "/etc/test-keys/own";
    fleetKeyFile = "/etc/test-keys/fleet";
  };

  # Readable by all, as no key may be outside a test.
  keys = pkgs: pkgs.runCommand "test-keys" { } "${lib.getExe (fleet.makeKeys pkgs)} $out";

  client =
    name: extra:
    { pkgs, ... }:
    {
      imports = [
        fleet.nixosModules.${name}
        ./worker.nix
        extra
      ];
      environment.etc."test-keys/own".source = "${keys pkgs}/${name}.key";
      system.switch.enable = true;
    };
in
{
  name = "guardian-fleet";

  nodes = {
    io =
      { pkgs, ... }:
      {
        imports = [
          fleet.nixosModules.io
          ./databases.nix
        ];
        environment.etc."test-keys/fleet".source = "${keys pkgs}/fleet.key";
        environment.systemPackages = [ pkgs.jq ];
        services.prometheus.enable = true;
        services.prometheus.globalConfig.scrape_interval = "1s";
      };

    web1 = client "web1" {
      services.guardian.agent.dependentServices = [ "shop" ];
      specialisation.changed.configuration.systemd.services.shop.environment.CHANGED = "1";
    };

    # As a host was set up for IO Guardian.
    web2 = client "web2" {
      imports = [ ../modules/server-database.nix ];
      server.database.dependentServices = [ "shop" ];
    };
  };

  testScript = ''
    clients = [web1, web2]
    marker = "/var/lib/io-guardian/drained/io-databases"


    def wait_open(machine):
        for unit in ["io-databases.target", "shop.service"]:
            machine.wait_until_succeeds(f"systemctl is-active {unit}")
        machine.succeed(f"test ! -e {marker}")


    def assert_drained(machine):
        machine.succeed(f"test -e {marker}")
        for unit in ["io-databases.target", "shop.service"]:
            machine.fail(f"systemctl is-active {unit}")


    def assert_unharmed(machine):
        machine.fail("journalctl --unit shop.service | grep -E 'refused|terminating|closed the connection|shutting down'")
        machine.succeed("test -z \"$(systemctl --failed --plain --no-legend)\"")


    start_all()

    with subtest("Every host opens once the databases are there"):
        for unit in ["postgresql", "redis"]:
            io.wait_for_unit(f"io-guardian-gate@{unit}.service")
        for client in clients:
            wait_open(client)

    with subtest("Prometheus finds the coordinator and every agent"):
        io.wait_until_succeeds(
            "curl --silent http://127.0.0.1:9090/api/v1/targets"
            " | jq --exit-status '[.data.activeTargets[] | select(.health == \"up\")] | length == 3'"
        )

    with subtest("A stop of PostgreSQL drains every host first, and its start undrains"):
        io.succeed("systemctl stop postgresql.service")
        for client in clients:
            assert_drained(client)
            assert_unharmed(client)
        io.succeed("systemctl start postgresql.target")
        for client in clients:
            wait_open(client)

    with subtest("So does a restart"):
        before = web1.succeed("systemctl show --property InvocationID --value shop.service")
        io.succeed("systemctl restart postgresql.service")
        for client in clients:
            wait_open(client)
            assert_unharmed(client)
        assert before != web1.succeed("systemctl show --property InvocationID --value shop.service")

    with subtest("A restart of the daemons drains nothing"):
        before = web1.succeed("systemctl show --property InvocationID --value shop.service")
        io.succeed("systemctl restart io-guardian-coordinator.service")
        web1.succeed("systemctl restart io-guardian.service")
        io.wait_until_succeeds("guardian ctl ping")
        wait_open(web1)
        assert before == web1.succeed("systemctl show --property InvocationID --value shop.service")

    with subtest("What a person holds stays drained through a start, a switch and a reboot"):
        io.succeed("guardian ctl drain --host web1 --message test")
        assert_drained(web1)
        web1.fail("systemctl start shop.service")
        assert_drained(web1)
        web1.succeed("/run/current-system/specialisation/changed/bin/switch-to-configuration test")
        assert_drained(web1)
        web1.succeed("/run/booted-system/bin/switch-to-configuration test")
        assert_unharmed(web1)
        web1.shutdown()
        web1.start()
        web1.wait_for_unit("multi-user.target")
        web1.wait_for_unit("io-guardian.service")
        assert_drained(web1)
        wait_open(web2)
        io.succeed("guardian ctl undrain --host web1")
        wait_open(web1)

    with subtest("The name that IO Guardian had drains and undrains by hand"):
        io.succeed("systemctl stop io-database-coordinator.service")
        for client in clients:
            assert_drained(client)
        io.succeed("systemctl start io-database-coordinator.service")
        for client in clients:
            wait_open(client)

    with subtest("A poweroff of the databases' host drains, its boot undrains"):
        io.shutdown()
        for client in clients:
            assert_drained(client)
            assert_unharmed(client)
        io.start()
        for client in clients:
            wait_open(client)
            assert_unharmed(client)
  '';
}
