# Mistakes, and what is said of each.
{ lib }:

let
  agent = settings: {
    services.guardian.agent = {
      enable = true;
      pskFile = "/run/secrets/guardian";
      dependents.shop = { };
      settings.resources.postgresql = {
        type = "postgres";
        host = "io";
      };
    };
    systemd.services.shop.script = "exec sleep infinity";
    imports = [ { services.guardian.agent = settings; } ];
  };
  coordinator = settings: {
    services.postgresql.enable = true;
    services.guardian.coordinator = {
      enable = true;
      pskFile = "/run/secrets/guardian-fleet";
      settings.hosts.web1.address = "198.18.0.11";
    };
    imports = [ { services.guardian.coordinator = settings; } ];
  };
  inherit (lib) mkForce;
in
{
  "an agent without fault" = {
    module = agent { };
    says = { };
  };
  "a coordinator without fault" = {
    module = coordinator { };
    says = { };
  };
  "an agent without a key" = {
    module = agent { pskFile = mkForce null; };
    says.assertion = "services.guardian.agent.pskFile is not set";
  };
  "an agent with certificates needs no key" = {
    module = agent {
      pskFile = mkForce null;
      settings.tls = {
        cert = "/etc/guardian/cert.pem";
        key = "/etc/guardian/key.pem";
        ca = "/etc/guardian/ca.pem";
      };
    };
    says = { };
  };
  "an agent's key in the store" = {
    module = agent { pskFile = mkForce "${builtins.storeDir}/00000000000000000000000000000000-psk"; };
    says.assertion = "services.guardian.agent.pskFile is in the Nix store";
  };
  "an agent's key as a path literal" = {
    module = agent { pskFile = mkForce ./refused.nix; };
    says.assertion = "services.guardian.agent.pskFile is in the Nix store";
  };
  "an agent's key among the settings" = {
    module = agent { settings.pskFile = "/run/secrets/guardian"; };
    says.assertion = "services.guardian.agent.settings.pskFile would have to be readable";
  };
  "an agent with a state directory of its own" = {
    module = agent { settings.stateDir = "/srv/guardian"; };
    says.assertion = "services.guardian.agent.settings.stateDir and runtimeDir cannot be changed";
  };
  "a dependent that nothing defines" = {
    module = agent { dependents.shopp = { }; };
    says.assertion = "services.guardian.agent.dependents.shopp.unit is shopp.service, but nothing on this host defines what it runs";
  };
  "a dependent that is misspelled in the short list" = {
    module = agent { dependentServices = [ "shopp" ]; };
    says.assertion = "services.guardian.agent.dependents.shopp.unit is shopp.service, but nothing";
  };
  "a dependent that another module only names" = {
    module = {
      imports = [ (agent { dependents.named = { }; }) ];
      systemd.services.named.serviceConfig.Nice = 5;
    };
    says.assertion = "services.guardian.agent.dependents.named.unit is named.service, but nothing";
  };
  "a dependent that is turned off" = {
    module = {
      imports = [ (agent { dependents.off = { }; }) ];
      systemd.services.off = {
        enable = false;
        script = "true";
      };
    };
    says.assertion = "services.guardian.agent.dependents.off.unit is off.service, but nothing";
  };
  "a dependent of a kind that cannot be guarded" = {
    module = agent { dependents."data.mount" = { }; };
    says.assertion = "services.guardian.agent.dependents.data.mount.unit is data.mount, which guardian cannot guard";
  };
  "a dependent that is the agent" = {
    module = agent { dependents.io-guardian = { }; };
    says.assertion = "services.guardian.agent.dependents.io-guardian.unit is io-guardian.service, a unit of guardian itself";
  };
  "a dependent that is its own target" = {
    module = agent { dependents.x.unit = "io-databases.target"; };
    says.assertion = "services.guardian.agent.dependents.x.unit is io-databases.target, a unit of guardian itself";
  };
  "a dependent of an unknown target" = {
    module = agent { dependents.shop.targets = [ "storage" ]; };
    says.assertion = "services.guardian.agent.dependents.shop.targets names storage, but this host has only io-databases";
  };
  "a dependent that is there twice" = {
    module = agent { dependents.again.unit = "shop.service"; };
    says.assertion = "services.guardian.agent.dependents.again and services.guardian.agent.dependents.shop are both shop.service";
  };
  "a rebuild of a host without Nix" = {
    module = {
      imports = [ (agent { rebuild.enable = true; }) ];
      nix.enable = false;
    };
    says.assertion = "services.guardian.agent.rebuild.enable needs Nix on this host";
  };
  "a rebuild of a host that cannot be switched" = {
    module = {
      imports = [ (agent { rebuild.enable = true; }) ];
      system.switch.enable = false;
    };
    says.assertion = "services.guardian.agent.rebuild.enable needs a system that can be switched";
  };
  "a rebuild of a host that upgrades itself" = {
    module = {
      imports = [ (agent { rebuild.enable = true; }) ];
      system.autoUpgrade.enable = true;
    };
    says.assertion = "services.guardian.agent.rebuild.enable and system.autoUpgrade.enable would both";
  };
  "a policy that leaves a host out" = {
    module = coordinator {
      settings.hosts.db1.address = "198.18.0.12";
      rolloutPolicies.web.stages = [
        {
          name = "web";
          select = "web*";
        }
      ];
    };
    says.warning = "services.guardian.coordinator.rolloutPolicies.web.stages leaves out db1";
  };
  "a stage without a host" = {
    module = coordinator {
      rolloutPolicies.all.stages = [
        {
          name = "jobs";
          select = "@jobs";
        }
        {
          name = "rest";
          select = "*";
        }
      ];
    };
    says.warning = "services.guardian.coordinator.rolloutPolicies.all.stages has no host in jobs";
  };
  "an agent without dependents" = {
    module = agent { dependents = mkForce { }; };
    says.warning = "services.guardian.agent.dependents is empty";
  };
  "an agent that sends its key" = {
    module = agent {
      settings.acceptV1 = true;
      settings.v1PskFile = "shared";
    };
    says.warning = "services.guardian.agent.settings.v1PskFile is \"shared\"";
  };
  "a target that needs nothing" = {
    module = agent { settings.targets.io-databases.needs = [ ]; };
    says.warning = "services.guardian.agent.settings.targets.io-databases.needs is empty";
  };

  "a coordinator without a key" = {
    module = coordinator { pskFile = mkForce null; };
    says.assertion = "services.guardian.coordinator.pskFile is not set";
  };
  "a coordinator's key in the store" = {
    module = coordinator { pskFile = mkForce ./refused.nix; };
    says.assertion = "services.guardian.coordinator.pskFile is in the Nix store";
  };
  "a coordinator's key among the settings" = {
    module = coordinator { settings.pskFile = "/run/secrets/guardian-fleet"; };
    says.assertion = "services.guardian.coordinator.settings.pskFile would have to be readable";
  };
  "a coordinator with directories of its own" = {
    module = coordinator { settings.gateDir = "/srv/gates"; };
    says.assertion = "services.guardian.coordinator.settings.stateDir, runtimeDir and gateDir cannot be changed";
  };
  "a port of an API that does not listen" = {
    module = coordinator { openFirewallInterfaces = [ "tailscale0" ]; };
    says.assertion = "services.guardian.coordinator.openFirewall opens the port of an API that does not listen";
  };
  "a database that this host has not" = {
    module = coordinator {
      databases = [
        "postgresql"
        "redis"
      ];
    };
    says.assertion = "services.guardian.coordinator.databases names redis, but this host runs postgresql";
  };
  "a gate without units" = {
    module = coordinator { settings.resources.mariadb.gate = "local"; };
    says.assertion = "services.guardian.coordinator.settings.resources.mariadb.gate is \"local\", but nothing says";
  };
  "a gate of a unit that is not there" = {
    module = coordinator {
      settings.resources.mariadb.gate = "local";
      gates.mariadb.units = [ "mariadb.service" ];
    };
    says.assertion = "services.guardian.coordinator.gates.mariadb names mariadb.service, which this host does not define";
  };
  "a gate that no resource wants" = {
    module = coordinator { gates.mariadb.units = [ "postgresql.service" ]; };
    says.assertion = "services.guardian.coordinator.gates.mariadb is there, but services.guardian.coordinator.settings.resources.mariadb.gate is not";
  };
  "a coordinator without hosts" = {
    module = coordinator { settings.hosts = mkForce { }; };
    says.warning = "services.guardian.coordinator.settings.hosts is empty";
  };
  "a coordinator without gates" = {
    module = coordinator { databases = [ ]; };
    says.warning = "services.guardian.coordinator has no gate";
  };
  "one key for all" = {
    module = coordinator { settings.keys = "shared"; };
    says.warning = "services.guardian.coordinator.settings.keys is \"shared\"";
  };
  "a database that depends on itself" = {
    module = {
      imports = [
        (coordinator { })
        (agent { dependents.postgresql = { }; })
      ];
    };
    says.warning = "services.guardian.agent.dependents has postgresql.service, which services.guardian.coordinator.gates.postgresql drains";
  };

  "a fleet whose coordinator is none of its hosts" = {
    module.services.guardian.fleet = {
      hosts.web1.agent = false;
      coordinator = "io";
    };
    says.assertion = "services.guardian.fleet.coordinator is io, which is none of services.guardian.fleet.hosts";
  };
  "a host of a fleet with a target that this has not" = {
    module.services.guardian.fleet = {
      hosts.web1 = {
        agent = false;
        targets = [ "storage" ];
      };
      hosts.io = { };
      coordinator = "io";
    };
    says.assertion = "services.guardian.fleet.hosts.web1.targets names storage, but services.guardian.fleet.targets has only io-databases";
  };
  "a fleet whose Prometheus does not run" = {
    module.services.guardian.fleet = {
      hosts.web1.agent = false;
      hosts.io = { };
      coordinator = "io";
      prometheus = "web1";
    };
    says.warning = "services.guardian.fleet.prometheus is web1, but services.prometheus is not enabled";
  };
  "a fleet whose Prometheus is none of its hosts" = {
    module.services.guardian.fleet = {
      hosts.web1.agent = false;
      hosts.io = { };
      coordinator = "io";
      prometheus = "monitor";
    };
    says.assertion = "services.guardian.fleet.prometheus is monitor, which is none of services.guardian.fleet.hosts";
  };
}
