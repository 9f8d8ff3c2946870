# Whether a selector matches a host, as protocol/selector.ts reads it: name, glob, @tag, `a,b`, `a&b`, `!x`.
{ lib }:

let
  one =
    text: host:
    if lib.hasPrefix "!" text then
      !one (lib.trim (lib.removePrefix "!" text)) host
    else if lib.hasPrefix "@" text then
      lib.elem (lib.removePrefix "@" text) host.tags
    else
      lib.match (lib.replaceStrings [ "." "*" "?" ] [ "\\." ".*" "." ] text) host.name != null;
  parts = separator: text: map lib.trim (lib.splitString separator text);
in
text: host: lib.any (both: lib.all (each: one each host) (parts "&" both)) (parts "," text)
