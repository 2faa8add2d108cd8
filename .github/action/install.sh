#!/usr/bin/env bash
# The action's first step: puts the released binary of this version into $RUNNER_TEMP/mcp-overlay/bin.
#
# Writes `found=true` to $GITHUB_OUTPUT if it did. Otherwise it writes `found=false` and says why, and the
# action builds the tool; `key` names that build. A binary that does not match its checksum is never a
# reason to build: the step fails.
set -euo pipefail

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$ACTION_PATH/Cargo.toml")
tag="v$version"
folder="$RUNNER_TEMP/mcp-overlay/bin"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

sha256() {
  # macOS has no sha256sum.
  if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

# What a build depends on, so that a branch that moves gets another name.
build_key() {
  local files
  files=$(cd "$ACTION_PATH" && find Cargo.toml Cargo.lock src model impl docs/semantics.md -type f -print0 |
    LC_ALL=C sort -z | xargs -0 cat | sha256 | cut -d ' ' -f 1)
  echo "mcp-overlay-$RUNNER_OS-$RUNNER_ARCH-$files"
}

build_instead() {
  printf '%s, so the tool is built\n' "$1"
  {
    echo found=false
    echo "key=$(build_key)"
  } >>"$GITHUB_OUTPUT"
  echo "$folder" >>"$GITHUB_PATH"
  exit 0
}

fail() {
  printf '::error::mcp-overlay: %s\n' "$1"
  exit 1
}

case $BUILD in
  true) build_instead "the input build is true" ;;
  false | "") ;;
  *) fail "the input build is neither true nor false" ;;
esac

case "$RUNNER_OS-$RUNNER_ARCH" in
  Linux-X64) target=x86_64-unknown-linux-musl ;;
  Linux-ARM64) target=aarch64-unknown-linux-musl ;;
  macOS-X64) target=x86_64-apple-darwin ;;
  macOS-ARM64) target=aarch64-apple-darwin ;;
  Windows-X64) target=x86_64-pc-windows-msvc ;;
  *) build_instead "no binary is released for $RUNNER_OS on $RUNNER_ARCH" ;;
esac

# A branch, or a checkout of the caller's own, may differ from the release of its version.
commit=
if [[ $ACTION_REF =~ ^[0-9a-f]{40}$ ]]; then
  commit=$ACTION_REF
elif [ "$ACTION_REF" != "$tag" ]; then
  build_instead "the action is used at neither a commit nor the tag $tag"
fi
[[ $ACTION_REPOSITORY =~ ^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$ ]] ||
  build_instead "the action's repository is not known"

download() {
  curl --fail --silent --show-error --location --proto '=https' --retry 2 --max-time 300 \
    --output "$scratch/$1" -- "$SERVER_URL/$ACTION_REPOSITORY/releases/download/$tag/$1" 2>"$scratch/curl"
}

name="mcp-overlay-$tag-$target"
for file in COMMIT SHA256SUMS "$name.tar.gz"; do
  download "$file" || build_instead "the release $tag gives no $file ($(head -n 1 "$scratch/curl"))"
  if [ "$file" = COMMIT ] && [ -n "$commit" ] && [ "$(cat "$scratch/COMMIT")" != "$commit" ]; then
    build_instead "the release $tag is of another commit"
  fi
done

expected=$(awk -v name="$name.tar.gz" '$2 == name { print $1 }' "$scratch/SHA256SUMS")
[[ $expected =~ ^[0-9a-f]{64}$ ]] || fail "SHA256SUMS of the release $tag does not list $name.tar.gz"
actual=$(sha256 "$scratch/$name.tar.gz" | cut -d ' ' -f 1)
[ "$actual" = "$expected" ] ||
  fail "$name.tar.gz has the SHA-256 $actual, and SHA256SUMS of the release $tag says $expected"

mkdir -p "$folder"
tar -xzf "$scratch/$name.tar.gz" -C "$folder" --strip-components=1
"$folder/mcp-overlay" --version || {
  rm -rf "$folder"
  build_instead "the released binary does not run here"
}
echo found=true >>"$GITHUB_OUTPUT"
echo "$folder" >>"$GITHUB_PATH"
