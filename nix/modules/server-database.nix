# The option that flakes used with IO Guardian, so that their hosts need no change.
{ lib, ... }:

{
  imports = [
    ./agent.nix
    (lib.mkAliasOptionModule
      [ "server" "database" "dependentServices" ]
      [ "services" "guardian" "agent" "dependentServices" ]
    )
  ];
}
