# Names that follow from the name of a target.
{ lib }:

rec {
  # Kinds of units that can be guarded, as NixOS and as systemd call them.
  kinds = {
    services = "service";
    sockets = "socket";
    timers = "timer";
    paths = "path";
    targets = "target";
  };
  suffixes = lib.attrValues kinds ++ [
    "automount"
    "device"
    "mount"
    "scope"
    "slice"
    "swap"
  ];

  toUnit =
    name:
    if lib.match ".+\\.(${lib.concatStringsSep "|" suffixes})" name != null then
      name
    else
      "${name}.service";

  # `storage` is io-storage.target, and `io-databases` io-databases.target.
  targetUnit = name: "${lib.optionalString (!lib.hasPrefix "io-" name) "io-"}${name}.target";
  waitUnit = unit: "wait-for-${lib.removeSuffix ".target" unit}.service";
  marker = name: "/var/lib/io-guardian/drained/${name}";
}
