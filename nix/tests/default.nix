# Whole machines: need KVM, and a binary cache or patience.
{ pkgs }:

let
  run = path: pkgs.testers.runNixOSTest (import path);
in
{
  fleet = run ./fleet.nix;
  first-installation = run ./first-installation.nix;
}
