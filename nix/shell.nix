{
  pkgs ? import <nixpkgs> { },
}:

pkgs.mkShell {
  # With these `npm ci`, `npm run check` and the tests of the cores run; those of real hosts need a Debian.
  packages = with pkgs; [
    nodejs
    node-gyp
    pkg-config
    postgresql
    python3
    redis
    systemdLibs
  ];
}
