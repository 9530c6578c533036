# Keeps a trial going until it has ended by itself: what died, froze or vanished is started again from its last checkpoint.
# shellcheck shell=bash
if [[ ${hone_supervise_sourced:-} ]]; then return; fi
hone_supervise_sourced=1
# shellcheck source=pipeline/lib/trial.sh
source "${BASH_SOURCE[0]%/*}/trial.sh"

readonly watch_seconds=1 frozen_seconds=3 max_back_off=60 max_output_kib=$((4 << 20)) max_output_files=100000 usage_every=5
readonly max_start_seconds=$((24 * 3600)) max_shown_bytes=$((32 << 20))

# restart_delay CODE RESTARTS: seconds to wait before the next start after an exit with CODE, RESTARTS of them behind us.
# Fails where the exit is final.
restart_delay() {
  local code=$1 restarts=$2 delay
  case $code in
  0 | 2 | 3 | 4 | 7 | "$exit_not_met") return 1 ;;
  6 | 12[89] | 1[3-9][0-9] | 2[0-5][0-9]) if ((restarts >= HONE_RESTARTS)); then return 1; fi ;;
  *) if ((restarts >= 1)); then return 1; fi ;;
  esac
  delay=$((restarts > 6 ? max_back_off : 1 << restarts))
  printf '%d\n' "$((delay < max_back_off ? delay : max_back_off))"
}

# Seconds since trial N last gave a sign of life. Its folder is the container's: nothing there is followed, and a sign from
# the future is none.
silent_for() {
  local beat started
  started=$(<"$run/trials/trial-$1.started")
  beat=$(stat -c %Y -- "$(trial_folder "$1")/events.jsonl" 2>/dev/null) || beat=0
  if ((beat > EPOCHSECONDS + 60)); then beat=0; fi
  printf '%d\n' "$((EPOCHSECONDS - (beat > started ? beat : started)))"
}

# Shows what the container prints, each line with the trial's name and nothing that a terminal would act on.
follow_log() {
  set -m # a process group of its own, so that all of it can be ended
  show_log "$1" &
  follower=$!
  set +m
}

show_log() {
  local group=$BASHPID
  close_locks # it may outlive the job, but not for long
  {
    tail --pid="$$" --sleep-interval=5 -f /dev/null
    kill -- "-$group"
  } 2>/dev/null &
  engine_logs "$1" --follow 2>/dev/null | head -c "$max_shown_bytes" |
    LC_ALL=C sed -u -e 's/[^[:print:]\t]/?/g' -e 's/^\(.\{300\}\).*/\1/' -e 's/^/  | /' >&2
}

stop_following() {
  if [[ ${follower:-} ]]; then
    kill -- "-$follower" 2>/dev/null || true
    wait "$follower" 2>/dev/null || true
  fi
  follower=
}

# excess_of N: what trial N has too much of; nothing where it keeps to the limits. Looked at now and then.
excess_of() {
  local started
  started=$(<"$run/trials/trial-$1.started")
  if ((EPOCHSECONDS - started > max_start_seconds)); then
    printf 'it ran for more than %d hours' $((max_start_seconds / 3600))
    return
  fi
  find "$(trial_folder "$1")" "$run/trials/trial-$1.log" -printf '%k\n' 2>/dev/null |
    awk -v most_kib="$max_output_kib" -v most_files="$max_output_files" '
      { kib += $1; if (kib > most_kib || ++files > most_files) exit }
      END {
        if (kib > most_kib) printf "it wrote more than %d MiB", most_kib / 1024
        else if (files > most_files) printf "it wrote more than %d files", most_files
      }' || true
}

# wait_for_end N: watches trial N until it does not run any more; sets end_code and end_why.
wait_for_end() {
  local n=$1 name state excess killed='' frozen=0 turn=0
  name=$(container_name "$n")
  while :; do
    state=$(engine_state "$name")
    end_why=$state
    case $state in
    running)
      frozen=0
      if (($(silent_for "$n") > HONE_STALL_SECONDS)); then
        killed="it gave no sign of life for $HONE_STALL_SECONDS s"
        say "trial $n: no sign of life for $HONE_STALL_SECONDS s; it is killed"
        engine_signal "$name" KILL
      elif ((++turn % usage_every == 0)); then
        excess=$(excess_of "$n")
        if [[ $excess ]]; then
          engine_remove "$name"
          end_code=$exit_io end_why=$excess end_final=1
          return
        fi
      fi
      ;;
    frozen)
      frozen=$((frozen + watch_seconds))
      if ((frozen >= frozen_seconds)); then
        killed="it was frozen"
        say "trial $n: is frozen; it is killed"
        engine_signal "$name" KILL
      fi
      ;;
    exited\ *)
      end_code=${state#exited }
      end_why=${killed:-it ended with exit code $end_code}
      return
      ;;
    *)
      end_code=137
      if [[ $state == oom ]]; then end_why="it needed more than $HONE_MEMORY of memory"; else end_why="it vanished"; fi
      return
      ;;
    esac
    sleep "$watch_seconds" {lock_fd}>&- # it must not hold the lock where this job is killed
  done
}

# supervise N MODE: to the end of trial N, whatever happens to its container; sets trial_code. A trial that has ended
# before is left alone.
supervise() {
  local n=$1 mode=$2 restarts=0 delay file=$run/trials/trial-$1
  local exit_file=$file.exit
  if [[ $mode == final ]]; then exit_file=$file.final; fi
  if [[ -f $exit_file ]]; then
    trial_code=$(<"$exit_file")
    return
  fi
  if [[ -f $file.restarts ]]; then restarts=$(<"$file.restarts"); fi
  # What was launched before is judged by how it is now: it may have died while nobody watched.
  if [[ ! -f $file.started ]]; then launch_trial "$n" "$mode"; fi
  trap stop_following EXIT
  while :; do
    end_final=0
    follow_log "$(container_name "$n")"
    wait_for_end "$n"
    sleep 0.1 {lock_fd}>&- # for the last lines of the log
    stop_following
    if [[ -f $run/stopped ]]; then die 143 "stopped by 'pipeline stop'; 'pipeline run' goes on"; fi
    if ((end_final)) || ! delay=$(restart_delay "$end_code" "$restarts"); then break; fi
    restarts=$((restarts + 1))
    say "trial $n: $end_why; start $restarts of at most $HONE_RESTARTS again, in $delay s"
    printf '%d\n' "$restarts" | write_file "$file.restarts"
    note restarts "$restarts"
    sleep "$delay" {lock_fd}>&-
    launch_trial "$n" "$mode"
  done
  keep_log "$n"
  if ((end_final)); then rm -rf -- "$(trial_folder "$n")"; else tidy_output "$n"; fi
  printf '%s\n' "$end_why" | write_file "$file.why"
  trial_code=$end_code
  if ((trial_code != 0)); then say "trial $n: ended with exit code $trial_code ($end_why) after $restarts restarts"; fi
  printf '%s\n' "$trial_code" | write_file "$exit_file"
  rm -f -- "$file.started" "$file.restarts"
  engine_remove "$(container_name "$n")"
}

# tidy_output N: what a trial left is data and no more: no links, pipes or sockets, nothing that gives rights or has none.
tidy_output() {
  local folder odd
  folder=$(trial_folder "$1")
  find "$folder" -type d ! -perm -700 -exec chmod u+rwx -- {} \; 2>/dev/null || true
  find "$folder" -type f ! -perm -600 -exec chmod u+rw -- {} + 2>/dev/null || true
  odd=$(find "$folder" ! -type d ! -type f -printf x -delete | wc -c)
  find "$folder" -perm /7000 -exec chmod a-st -- {} +
  if ((odd)); then say "trial $1: left $odd links, pipes or sockets in its folder; they are removed"; fi
}

# keep_log N: the container's words outlive it, the last MiB of them.
keep_log() {
  engine_logs "$(container_name "$1")" 2>&1 | tail -c 1048576 | LC_ALL=C sed 's/[^[:print:]\t]/?/g' |
    write_file "$run/trials/trial-$1.txt"
}

# failure_words N: why it ended, and what it said at last.
failure_words() {
  local words
  words=$(last_words "$1")
  printf '%s%s\n' "$(why_ended "$1")" "${words:+: $words}"
}

why_ended() { if [[ -f $run/trials/trial-$1.why ]]; then cat -- "$run/trials/trial-$1.why"; fi; }

# The last line that hone or the program printed: what an error says.
last_words() { if [[ -s $run/trials/trial-$1.txt ]]; then plain "$(tail -n 1 -- "$run/trials/trial-$1.txt")"; fi; }
