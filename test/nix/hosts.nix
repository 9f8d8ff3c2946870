# Hosts whose units are looked at: the module of each, and which other units are shown.
{ lib }:

let
  mkFleet = import ../../nix/fleet.nix { inherit lib; };

  coordinator = {
    services.guardian.coordinator = {
      enable = true;
      pskFile = "/run/secrets/guardian-fleet";
      settings.hosts.web1.address = "198.18.0.11";
    };
  };
  postgresql.services.postgresql.enable = true;
  redis.services.redis.servers = {
    "".enable = true;
    "".port = 6379;
    cache.enable = true;
  };
  databaseUnits = [
    "postgresql.service"
    "postgresql-setup.service"
    "postgresql.target"
    "redis.service"
    "redis-cache.service"
  ];
  databaseHost = imports: {
    module = {
      inherit imports;
    };
    units = databaseUnits;
  };

  fleet = mkFleet {
    coordinator = "io";
    prometheus = "monitor";
    hosts = {
      io.address = "198.18.0.1";
      monitor.agent = false;
      web1 = {
        address = "198.18.0.11";
        tags = [ "web" ];
      };
      web2 = {
        address = "fd00::12";
        keyName = "old-web2";
        targets = [ "io-databases" ];
      };
    };
    resources = {
      postgresql.type = "postgres";
      redis.type = "redis";
      mariadb = {
        type = "tcp";
        port = 3306;
      };
      nfs = {
        type = "tcp";
        host = "nas";
        port = 2049;
      };
    };
    targets = {
      io-databases = {
        needs = [
          "postgresql"
          "redis"
        ];
        waves = [ "@web" ];
        drainDeadline = "40s";
      };
      storage.needs = [ "nfs" ];
    };
    openFirewallInterfaces = [ "tailscale0" ];
  };
  rebuiltFleet = mkFleet {
    coordinator = "io";
    hosts = {
      io = {
        address = "198.18.0.1";
        agent = true;
      };
      web1 = {
        address = "198.18.0.11";
        tags = [ "web" ];
      };
    };
    resources.postgresql.type = "postgres";
    rebuild = {
      enable = true;
      cpuQuota = "50%";
    };
    budgets.web = {
      select = "@web";
      maxUnavailable = "34%";
    };
    rolloutPolicies.nightly = {
      source = {
        mode = "closure";
        flake = "git+ssh://git@forge.example.org/infra";
      };
      stages = [
        {
          name = "web";
          select = "@web & !io";
        }
        {
          name = "rest";
          select = "*";
        }
      ];
      schedule = "Sun 03:00";
    };
  };
  # As in test/lab/nixos.test.ts, with programs of Debian.
  labFleet = mkFleet {
    coordinator = "io";
    hosts = {
      io.address = "198.18.0.1";
      web1 = {
        address = "198.18.0.2";
        tags = [ "web" ];
      };
    };
    resources.postgresql.type = "postgres";
    openFirewall = true;
    pskFile = "/etc/guardian/psk";
    fleetKeyFile = "/etc/guardian/fleet.key";
  };

  member = name: extra: {
    module = {
      imports = [
        fleet.nixosModules.${name}
        extra
      ];
    };
    units = databaseUnits ++ [ "shop.service" ];
  };
  shop = {
    services.guardian.agent.dependentServices = [ "shop" ];
    systemd.services.shop.script = "exec sleep infinity";
  };
in
{
  postgresql = databaseHost [
    coordinator
    postgresql
  ];
  redis = databaseHost [
    coordinator
    redis
  ];
  both = databaseHost [
    coordinator
    postgresql
    redis
    {
      services.guardian.coordinator = {
        databases = [
          "postgresql"
          "redis-cache"
        ];
        after = [ "tailscaled.service" ];
        settings.resources.postgresql.gateDeadline = "2min";
      };
    }
  ];
  neither = {
    module = {
      imports = [ coordinator ];
      services.guardian.coordinator = {
        settings.resources.mariadb.gate = "local";
        gates.mariadb.units = [ "mysql.service" ];
      };
      systemd.services.mysql.script = "exec sleep infinity";
    };
    units = [ "mysql.service" ];
  };

  dependents = {
    units = [
      "shop.service"
      "job.service"
      "job.timer"
      "often.timer"
      "chat.service"
      "chat.socket"
      "inbox.path"
      "inbox.service"
      "packaged.service"
      "queue@1.service"
      "worker@.service"
      "worker@1.service"
    ];
    module = { pkgs, ... }: {
      services.guardian.agent = {
        enable = true;
        pskFile = "/run/secrets/guardian";
        openFirewall = true;
        settings = {
          bootWithoutCoordinator = "10min";
          resources.postgresql = {
            type = "postgres";
            host = "io";
          };
          resources.nfs = {
            type = "tcp";
            host = "nas";
            port = 2049;
          };
          targets = {
            io-databases.needs = [ "postgresql" ];
            storage.needs = [ "nfs" ];
          };
        };
        dependents = {
          shop = {
            exclusive = true;
            stopTimeout = "20s";
            targets = [
              "io-databases"
              "storage"
            ];
          };
          job = { };
          chat.allowLeftovers = true;
          inbox = { };
          packaged.fromPackage = true;
          "queue@1".fromPackage = true;
          "worker@1" = { };
        };
      };
      systemd = {
        packages =
          map
            (
              name:
              pkgs.writeTextFile {
                inherit name;
                destination = "/lib/systemd/system/${name}";
                text = "[Service]\nExecStart=/bin/sleep infinity\n";
              }
            )
            [
              "packaged.service"
              "queue@.service"
            ];
        services = {
          shop = {
            script = "exec sleep infinity";
            wantedBy = [ "multi-user.target" ];
            serviceConfig.TimeoutStopSec = "infinity";
          };
          job = {
            script = "true";
            startAt = "hourly";
          };
          chat.script = "exec sleep infinity";
          inbox.script = "true";
          "worker@".script = "exec sleep infinity";
          "worker@1" = {
            overrideStrategy = "asDropin";
            wantedBy = [ "multi-user.target" ];
          };
        };
        timers.often = {
          wantedBy = [ "timers.target" ];
          timerConfig = {
            OnCalendar = "minutely";
            Unit = "job.service";
          };
        };
        sockets.chat = {
          wantedBy = [ "sockets.target" ];
          listenStreams = [ "/run/chat.sock" ];
          unitConfig.DefaultDependencies = "no";
        };
        paths.inbox = {
          wantedBy = [ "paths.target" ];
          pathConfig.PathExists = "/var/spool/inbox";
        };
      };
    };
  };

  # As it was set up for IO Guardian.
  original = {
    module = {
      imports = [ ../../nix/modules/server-database.nix ];
      server.database.dependentServices = [
        "shop"
        "worker.service"
      ];
      services.guardian.agent = {
        enable = true;
        pskFile = "/run/secrets/IO_GUARDIAN_PSK";
        settings.resources.redis.type = "redis";
      };
      systemd.services.shop.script = "exec sleep infinity";
      systemd.services.worker.script = "exec sleep infinity";
    };
    units = [
      "shop.service"
      "worker.service"
    ];
  };

  fleet-io = member "io" {
    imports = [
      postgresql
      redis
    ];
  };
  rebuilt-io = {
    module = {
      imports = [
        rebuiltFleet.nixosModules.io
        postgresql
        shop
      ];
    };
    units = databaseUnits ++ [ "shop.service" ];
  };
  rebuilt-web1 = {
    module = {
      imports = [
        rebuiltFleet.nixosModules.web1
        shop
      ];
    };
    units = [ "shop.service" ];
  };
  fleet-monitor = member "monitor" { services.prometheus.enable = true; };
  fleet-web1 = member "web1" shop;
  fleet-web2 = member "web2" shop;

  lab-io = {
    module = {
      imports = [
        labFleet.nixosModules.io
        postgresql
      ];
    };
    units = databaseUnits;
  };
  lab-web1 = {
    module = { pkgs, ... }: {
      imports = [ labFleet.nixosModules.web1 ];
      services.guardian.agent = {
        settings.bootWithoutCoordinator = "5s";
        dependentServices = [
          "chat"
          "job"
          "shop"
        ];
      };
      systemd = {
        services = {
          shop = {
            wantedBy = [ "multi-user.target" ];
            serviceConfig = {
              ExecStart = "${pkgs.postgresql}/bin/pgbench -n -h 198.18.0.1 -U postgres -c 2 -R 20 -T 1000000 -f - postgres";
              StandardInput = "data";
              StandardInputText = "select count(*) from pg_class;";
              StandardOutput = "null";
              DynamicUser = true;
            };
          };
          chat.serviceConfig.ExecStart = "/bin/sleep infinity";
          job = {
            serviceConfig.Type = "oneshot";
            serviceConfig.ExecStart = "/bin/true";
            startAt = "hourly";
          };
        };
        sockets.chat = {
          wantedBy = [ "sockets.target" ];
          listenStreams = [ "/run/chat.sock" ];
        };
      };
    };
    units = [
      "chat.service"
      "chat.socket"
      "job.service"
      "job.timer"
      "shop.service"
    ];
  };
}
