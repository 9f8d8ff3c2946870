# What agent and coordinator do alike with their settings and keys.
{
  lib,
  pkgs,
  guardian,
}:

{
  # As JSON, checked by the program that will read it: a mistake ends the build, not the daemon.
  checkedFile =
    {
      name,
      settings,
      # Not where the check would look for files of the machine.
      isCheckable ? true,
    }:
    let
      # What a module sets and somebody takes away with null shall be absent.
      file = (pkgs.formats.json { }).generate name (
        lib.filterAttrsRecursive (_: value: value != null) settings
      );
    in
    if isCheckable && pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform then
      pkgs.runCommandLocal name { } ''
        ${lib.getExe guardian} config check ${file}
        ln -s ${file} $out
      ''
    else
      file;

  # A path literal counts as inside: whoever reads it copies it there.
  isExternal = path: lib.isString path && !lib.hasPrefix builtins.storeDir path;
}
