{
  lib,
  pkgs,
  ...
}:

{
  options.services.guardian.package = lib.mkOption {
    type = lib.types.package;
    default = pkgs.guardian or (pkgs.callPackage ../package.nix { });
    defaultText = lib.literalExpression "pkgs.guardian, or the same built with pkgs";
    description = "The guardian package that agent, coordinator and gates of this host run.";
  };
}
