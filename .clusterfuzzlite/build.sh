#!/bin/bash -eu
# Builds the fuzz targets for ClusterFuzzLite, which sets SRC, OUT and SANITIZER. `fuzz/campaign` and CI run
# it too. libfuzzer-sys brings the engine, so LIB_FUZZING_ENGINE has no part in it.
#
# `canary` has a fault on purpose, so only `fuzz/campaign` asks for it.
set -o pipefail
cd "$SRC/mcp-overlay"
targets=${FUZZ_TARGETS:-resolve config_toml protocol_line sequence}

case $SANITIZER in
  address) sanitizer=address ;;
  # Coverage comes with the compiler flags of the environment.
  none | coverage) sanitizer=none ;;
  *)
    echo "the targets are not built with the sanitizer $SANITIZER: ClusterFuzzLite has address and coverage for Rust" >&2
    exit 1
    ;;
esac

for target in $targets; do
  options=(--fuzz-dir fuzz --sanitizer "$sanitizer")
  if [ "$target" = sequence ]; then options+=(--features sequence); fi
  cargo fuzz build "${options[@]}" "$target"
  built=$(ls -t "${CARGO_TARGET_DIR:-fuzz/target}"/*/release/"$target" | head -n 1)
  cp "$built" "$OUT/$target"
  # A seed's name says what it shows; the engine needs no order.
  if [ -d "fuzz/seeds/$target" ]; then
    rm -f "$OUT/${target}_seed_corpus.zip"
    (cd "fuzz/seeds/$target" && python3 -m zipfile -c "$OUT/${target}_seed_corpus.zip" ./*)
  fi
  printf '[libfuzzer]\ntimeout = 10\nrss_limit_mb = 4096\n' >"$OUT/$target.options"
done
