{
  imports = [
    ./agent.nix
    ./coordinator.nix
    ./fleet.nix
  ];
}
