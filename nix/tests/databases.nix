{ lib, ... }:

{
  services.postgresql = {
    enable = true;
    enableTCPIP = true;
    ensureUsers = [ { name = "shop"; } ];
    authentication = "host all shop all trust";
  };
  services.redis.servers."" = {
    enable = true;
    bind = "0.0.0.0";
    port = 6379;
    settings.protected-mode = "no";
  };
  networking.firewall.allowedTCPPorts = [
    5432
    6379
  ];
}
