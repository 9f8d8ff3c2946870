# A service that needs PostgreSQL at every moment, and ends with an error where it is gone.
{ pkgs, ... }:

{
  systemd.services.shop = {
    wantedBy = [ "multi-user.target" ];
    wants = [ "network-online.target" ];
    after = [ "network-online.target" ];
    path = [ pkgs.postgresql ];
    serviceConfig.DynamicUser = true;
    script = ''
      while psql --host io --username shop postgres --command 'select 1' > /dev/null; do sleep 0.2; done
      exit 1
    '';
  };
}
