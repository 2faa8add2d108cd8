#!/usr/bin/env bash
# Packs the files of a release: pack.sh BINARIES COMMIT DIST
#
# BINARIES has a folder for each target, with the two binaries in it. DIST gets an archive for each
# target, COMMIT and SHA256SUMS. The archives depend on nothing but the binaries, the two documents in
# them and SOURCE_DATE_EPOCH.
set -euo pipefail

binaries=$1 commit=$2 dist=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
targets="x86_64-unknown-linux-musl aarch64-unknown-linux-musl x86_64-apple-darwin aarch64-apple-darwin
  x86_64-pc-windows-msvc"

[[ $commit =~ ^[0-9a-f]{40}$ ]] || {
  echo "not a commit: $commit" >&2
  exit 1
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$dist"

for target in $targets; do
  name="mcp-overlay-v$version-$target"
  extension=
  case $target in *-windows-*) extension=.exe ;; esac
  mkdir "$scratch/$name"
  for binary in mcp-overlay mcp-overlay-host; do
    # An artifact keeps no permissions.
    install -m 755 "$binaries/$target/$binary$extension" "$scratch/$name/"
  done
  install -m 644 "$root/LICENSE" "$root/README.md" "$scratch/$name/"
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" \
    -C "$scratch" -cf - "$name" | gzip -n -9 >"$dist/$name.tar.gz"
done

echo "$commit" >"$dist/COMMIT"
cd "$dist"
sha256sum COMMIT ./*.tar.gz | sed 's| \./| |' >SHA256SUMS
