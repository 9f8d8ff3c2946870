# What a rebuild of this host may be, whoever orders it, and the helper of root that does it.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib) mkIf mkOption types;
  cfg = config.services.guardian.agent.rebuild;
  guardian = config.services.guardian.package;
  units = import ../units.nix { inherit lib pkgs guardian; };
  json = pkgs.formats.json { };
  isOn = config.services.guardian.agent.enable && cfg.enable;

  helper = {
    # It would end what has ordered the switch that ends it.
    restartIfChanged = false;
    unitConfig.X-StopOnRemoval = false;
    path = [
      config.nix.package
      config.systemd.package
      pkgs.gitMinimal
      pkgs.openssh
      pkgs.util-linux
    ];
  };
in
{
  options.services.guardian.agent.rebuild = {
    enable = lib.mkEnableOption "staged rebuilds of this host as the coordinator orders them, by a helper of root that checks each order";

    host = mkOption {
      type = types.str;
      default = config.networking.hostName;
      defaultText = lib.literalExpression "config.networking.hostName";
      description = "Whose systems are for this host: their {file}`etc/hostname`, and the attribute of the flake.";
    };

    closure = mkOption {
      type = types.enum [
        "signed"
        "any"
        "never"
      ];
      default = "signed";
      description = ''
        Which systems are taken that were built elsewhere: those with a signature of
        {option}`nix.settings.trusted-public-keys`, any, or none. `any` is for hosts where no user may
        add to the store.
      '';
    };

    flakes = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "git+ssh://git@forge.example.org/infra?ref=main" ];
      description = "Flakes that this host builds by itself, each exactly as the policy names it.";
    };

    revisions = mkOption {
      type = types.str;
      default = "^[0-9a-f]{40}$";
      description = "A regular expression that the revision of a flake matches.";
    };

    freeMiB.nix = mkOption {
      type = types.ints.unsigned;
      default = 1024;
      description = "Free space of {file}`/nix`, in MiB, below which nothing is begun.";
    };

    freeMiB.boot = mkOption {
      type = types.ints.unsigned;
      default = 64;
      description = "Free space of {file}`/boot`, in MiB, below which nothing is begun.";
    };

    cpuWeight = mkOption {
      type = types.ints.between 1 10000;
      default = 20;
      description = "`CPUWeight=` of a rebuild, where 100 is what others have.";
    };

    cpuQuota = mkOption {
      type = types.strMatching "[1-9][0-9]{0,4}%";
      default = "65%";
      description = "`CPUQuota=` of a rebuild, where 100% is one core.";
    };

    ioWeight = mkOption {
      type = types.ints.between 1 10000;
      default = 20;
      description = "`IOWeight=` of a rebuild, where 100 is what others have.";
    };
  };

  config = mkIf isOn {
    assertions = [
      {
        assertion = config.nix.enable;
        message = "services.guardian.agent.rebuild.enable needs Nix on this host: set nix.enable, or leave it off.";
      }
      {
        assertion = config.system.switch.enable or true;
        message = "services.guardian.agent.rebuild.enable needs a system that can be switched: set system.switch.enable, or leave it off.";
      }
      {
        assertion = !config.system.autoUpgrade.enable;
        message = "services.guardian.agent.rebuild.enable and system.autoUpgrade.enable would both rebuild this host, the latter undrained: turn one of them off.";
      }
    ];

    services.guardian.agent.settings.rebuild = { };

    environment.etc."guardian/rebuild.json".source = json.generate "rebuild.json" {
      inherit (cfg)
        host
        closure
        flakes
        revisions
        freeMiB
        cpuWeight
        cpuQuota
        ioWeight
        ;
      boot =
        if config.boot.loader.systemd-boot.enable then config.boot.loader.efi.efiSysMountPoint else "/boot";
    };

    systemd.packages = [
      (units.unit "io-guardian-rebuild@.service" { })
      (units.unit "io-guardian-rebuild-resume.service" { })
    ];
    systemd.services = {
      # Reads what the switch has said.
      io-guardian.serviceConfig.SupplementaryGroups = [ "systemd-journal" ];
      "io-guardian-rebuild@" = lib.recursiveUpdate helper {
        serviceConfig = {
          CPUWeight = cfg.cpuWeight;
          CPUQuota = cfg.cpuQuota;
          IOWeight = cfg.ioWeight;
        };
      };
      io-guardian-rebuild-resume = helper // {
        wantedBy = [ "multi-user.target" ];
        # It belongs to the boot; a switch would start it once more.
        serviceConfig.RemainAfterExit = true;
      };
    };
  };
}
