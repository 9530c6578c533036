# shellcheck shell=bash
# A real container engine for bats files.

# start_engine NAME: 0 where it works afterwards; else says loudly why what needs it is skipped.
start_engine() {
  local started
  if started=$("$HONE_SOURCE_DIR/pipeline/lib/start-engine" "$1" 2>"$BATS_FILE_TMPDIR/start-engine.log"); then
    if [[ $started ]]; then touch "$BATS_FILE_TMPDIR/engine-started"; fi
    return
  fi
  printf '# SKIPPED, nothing was tested with %s: %s\n' "$1" "$(tail -n 1 "$BATS_FILE_TMPDIR/start-engine.log")" >&3
  return 1
}

# set_up_engine, for setup_file: the engine that HONE_ENGINE names, if it is a container engine, runs afterwards.
set_up_engine() {
  export HONE_ENGINE=${HONE_ENGINE:-process}
  if [[ $HONE_ENGINE != process ]] && ! start_engine "$HONE_ENGINE"; then touch "$BATS_FILE_TMPDIR/without-engine"; fi
}

# need_engine, for setup.
need_engine() { if [[ -f $BATS_FILE_TMPDIR/without-engine ]]; then skip "$HONE_ENGINE can't be had here"; fi; }

# What this file started does not stay.
stop_engine() {
  if [[ -f $BATS_FILE_TMPDIR/engine-started ]]; then "$HONE_SOURCE_DIR/pipeline/lib/start-engine" --stop; fi
}
