# What ../units ships, with the paths of this system, as packages for systemd.packages.
{
  lib,
  pkgs,
  guardian,
}:

let
  # Throws where the file no longer has what is to be replaced: nothing else would tell.
  substitute =
    file: table:
    let
      text = builtins.readFile (../units + "/${file}");
      lost = lib.filter (old: !lib.hasInfix old text) (lib.attrNames table);
      # Longest first, since the first match wins.
      olds = lib.sort (a: b: lib.stringLength a > lib.stringLength b) (lib.attrNames table);
    in
    if lost == [ ] then
      lib.replaceStrings olds (map (old: table.${old}) olds) text
    else
      throw "guardian: units/${file} no longer says ${lib.concatStringsSep ", " lost}";

  programs = {
    "=/usr/bin/guardian " = "=${lib.getExe guardian} ";
    "+/usr/bin/install " = "+${lib.getExe' pkgs.coreutils "install"} ";
    "=/bin/kill " = "=${lib.getExe' pkgs.coreutils "kill"} ";
    "=/bin/true\n" = "=${lib.getExe' pkgs.coreutils "true"}\n";
  };
  programsOf =
    file:
    lib.filterAttrs (old: _: lib.hasInfix old (builtins.readFile (../units + "/${file}"))) programs;

  write =
    name: text:
    pkgs.writeTextFile {
      inherit name text;
      destination = "/lib/systemd/system/${name}";
    };
in
{
  inherit substitute;

  unit = file: table: write file (substitute file (programsOf file // table));

  # The target and the wait unit of a target of agent.json.
  target =
    {
      name,
      unit,
      wait,
    }:
    let
      names = {
        "drained/io-databases" = "drained/${name}";
        "wait-for-io-databases.service" = wait;
        "io-databases" = name;
      };
    in
    [
      (write unit (substitute "io-databases.target" names))
      (write wait (
        substitute "wait-for-io-databases.service" (
          removeAttrs names [ "wait-for-io-databases.service" ]
          // programsOf "wait-for-io-databases.service"
          // {
            "io-databases.target" = unit;
          }
        )
      ))
    ];
}
