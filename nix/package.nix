{
  lib,
  stdenv,
  buildNpmPackage,
  buildPackages,
  importNpmLock,
  installShellFiles,
  makeBinaryWrapper,
  # Any from 20.19 on.
  nodejs,
  pkg-config,
  stdenvNoCC,
  systemdLibs,
}:

let
  inherit (lib) fileset;
  root = ../.;
  files = names: fileset.unions (map (name: fileset.maybeMissing (root + "/${name}")) names);
  manifest = lib.importJSON (root + "/package.json");
  lock = lib.importJSON (root + "/package-lock.json");
  manifests = files [
    "package.json"
    "package-lock.json"
  ];

  # The lock file names no registry, only hashes: npm fetches from its own, or from that of NPM_CONFIG_REGISTRY.
  tarball =
    path:
    { version, integrity, ... }:
    stdenvNoCC.mkDerivation {
      name = "${baseNameOf path}-${version}.tgz";
      nativeBuildInputs = [ buildPackages.nodejs ];
      buildCommand = ''
        export HOME=$TMPDIR
        npm pack --silent ${lib.last (lib.splitString "node_modules/" path)}@${version}
        mv ./*.tgz $out
      '';
      impureEnvVars = lib.fetchers.proxyImpureEnvVars ++ [ "NPM_CONFIG_REGISTRY" ];
      outputHash = integrity;
      preferLocalBuild = true;
    };
  # npm never asks for a package of another platform, and some of these have no hash here.
  inherit (stdenv.buildPlatform.node) arch platform;
  isForHere =
    {
      os ? [ platform ],
      cpu ? [ arch ],
      ...
    }:
    lib.elem platform os && lib.elem arch cpu;
  tarballs = lib.mapAttrs tarball (
    lib.filterAttrs (_: entry: entry ? integrity && isForHere entry) lock.packages
  );

  # All that is no part of the bundles: packages with native code, and what they load.
  unbundled = [
    "better-sqlite3"
    "bindings"
    "file-uri-to-path"
    "sd-notify"
    "systemd-journald"
  ];

  canRun = stdenv.buildPlatform.canExecute stdenv.hostPlatform;
in
buildNpmPackage {
  pname = manifest.name;
  inherit (manifest) version;
  inherit nodejs;

  src = fileset.toSource {
    inherit root;
    fileset = fileset.unions [
      manifests
      (files [
        "LICENSE"
        "tsconfig.json"
        "units"
      ])
      (fileset.difference (fileset.fileFilter (file: file.hasExt "ts") root) (files [
        ".cache"
        ".tap"
        "bench"
        "demo"
        "dist"
        "node_modules"
        "test"
      ]))
    ];
  };

  # Needs no hash of its own, so that an update changes nothing but the lock file.
  npmDeps = importNpmLock {
    npmRoot = fileset.toSource {
      inherit root;
      fileset = manifests;
    };
    packageSourceOverrides = tarballs;
  };
  npmConfigHook = importNpmLock.npmConfigHook;

  strictDeps = true;
  nativeBuildInputs = [
    installShellFiles
    makeBinaryWrapper
    pkg-config
  ];
  buildInputs = [ systemdLibs ];

  installPhase = ''
    runHook preInstall

    lib=$out/lib/guardian
    mkdir -p $lib/node_modules
    cp -r LICENSE dist package.json units $lib
    for name in ${toString unbundled}; do
      cp -r node_modules/$name $lib/node_modules
    done
    # Sources, and what node-gyp leaves behind, would keep the compiler in the closure.
    rm -rf $lib/node_modules/*/{deps,examples,src,test}
    find $lib/node_modules -type f -path '*/build/*' ! -regex '.*/build/Release/[^/]*\.node' -delete
    find $lib/node_modules -type d -empty -delete

    makeWrapper ${lib.getExe nodejs} $out/bin/guardian --add-flags $lib/dist/guardian.js
  ''
  + lib.optionalString canRun ''
    installShellCompletion --cmd guardian \
      --bash <($out/bin/guardian completion bash) \
      --fish <($out/bin/guardian completion fish) \
      --zsh <($out/bin/guardian completion zsh)
  ''
  + ''

    runHook postInstall
  '';

  doInstallCheck = canRun;
  installCheckPhase = ''
    runHook preInstallCheck

    $out/bin/guardian --version | grep -F ${manifest.version}
    cd $out/lib/guardian
    ${lib.getExe nodejs} -e "new (require('better-sqlite3'))(':memory:'); require('sd-notify'); require('systemd-journald')"
    cd -

    runHook postInstallCheck
  '';

  meta = {
    inherit (manifest) description;
    license = lib.licenses.mit;
    mainProgram = "guardian";
    platforms = lib.platforms.linux;
  };
}
