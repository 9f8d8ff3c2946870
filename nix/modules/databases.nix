# The databases that this host runs, as resources of a coordinator: the units that hold the data, what must be done
# before anybody may use it, and how to ask whether it is ready.
{ config, lib }:

let
  inherit (config.services) postgresql redis;

  postgresqlEntry = {
    units = [ "postgresql.service" ];
    # Databases and roles are there after it. Before NixOS 25.11 there was none.
    after = lib.optional (config.systemd.services ? postgresql-setup) "postgresql-setup.service";
    groups = [ ];
    probe = {
      type = "postgres";
      host = "/run/postgresql";
      port = postgresql.settings.port;
      # Without a role it could not see a recovery, and the server would log each question.
      user = "io-guardian-coordinator";
    };
  };

  redisEntry =
    name: server:
    let
      # A server without a port has its socket in a directory for its group.
      isLocal = server.port == 0;
      bind = lib.head (lib.splitString " " (if server.bind == null then "127.0.0.1" else server.bind));
      address = lib.removePrefix "-" bind;
    in
    {
      units = [ "${name}.service" ];
      after = [ ];
      groups = lib.optional isLocal (server.group or name);
      probe = {
        type = "redis";
      }
      // (
        if isLocal then
          { host = server.unixSocket; }
        else
          {
            host =
              if
                lib.elem address [
                  "*"
                  "0.0.0.0"
                  "::"
                ]
              then
                "127.0.0.1"
              else
                address;
            inherit (server) port;
          }
      );
    };
in
lib.optionalAttrs postgresql.enable { postgresql = postgresqlEntry; }
// lib.mapAttrs' (
  server: options:
  let
    name = if server == "" then "redis" else "redis-${server}";
  in
  lib.nameValuePair name (redisEntry name options)
) (lib.filterAttrs (_: server: server.enable) redis.servers)
