# The mail about a run: made once, sent once. Whatever comes from the repository is escaped or encoded.
# shellcheck shell=bash
if [[ ${hone_mail_sourced:-} ]]; then return; fi
hone_mail_sourced=1
# shellcheck source=pipeline/lib/trial.sh
source "${BASH_SOURCE[0]%/*}/trial.sh"

readonly mail_boundary=hone-part

# write_report: report.html and what the mail says, from the trials' folders.
write_report() {
  local -a target=()
  # Not by what a container wrote, where the settings name one.
  if [[ $HONE_TARGET ]]; then target=(--at-least "$HONE_TARGET"); fi
  engine_hone "$run" report "$run/trials" "${target[@]}" --out "$run/report.html" --text "$run/mail.txt" --mail "$run/mail.html" >&2 ||
    say "the report can't be written (exit code $?); the mail goes without"
}

# Where the mail goes: HONE_MAIL_TO, or the commit's author where that was asked for.
mail_receiver() {
  local to=$HONE_MAIL_TO
  if [[ $to == author ]]; then
    to=$(member "$run/$hand_over_1" address)
    if [[ $to == author || ! $to =~ ${setting_form[mail]} ]]; then to=; fi
  fi
  printf '%s\n' "$to"
}

# encoded TEXT: fit for a header: base64 words of RFC 2047, folded.
encoded() {
  local text=$1 part
  while [[ $text ]]; do
    part=${text:0:11} # of at most 4 bytes each: a word has at most 75 characters
    text=${text:11}
    printf '=?UTF-8?B?%s?=%s' "$(printf '%s' "$part" | base64 -w 0)" "${text:+$'\n '}"
  done
  printf '\n'
}

mail_subject() {
  local accuracy outcome
  accuracy=$(member "$run/result.json" accuracy)
  case $(member "$run/result.json" met)$(member "$run/result.json" error) in
  true) outcome='target met' ;;
  false) outcome='target not met' ;;
  *) outcome='training failed' ;;
  esac
  printf 'hone: %s%s (%s, %s)\n' "$outcome" "${accuracy:+, accuracy $accuracy}" "$(plain "$HONE_BRANCH")" "${commit:0:12}"
}

# What was pushed and how it ended, as text.
mail_facts() {
  local error
  printf 'repository  %s\nbranch      %s\ncommit      %s\nauthor      %s\nsubject     %s\n\n' "$(plain "$(shown_repo)")" \
    "$(plain "$HONE_BRANCH")" "$commit" "$(plain "$(member "$run/$hand_over_1" author)")" \
    "$(plain "$(member "$run/$hand_over_1" subject)")"
  error=$(member "$run/result.json" error)
  if [[ $error ]]; then
    printf 'The training failed: %s\n' "$(plain "$error")"
  else
    printf 'accuracy on the test split: %s before, %s now; target %s\nended because: %s\nmodel: %s\n\n' \
      "$(member "$run/result.json" accuracy_before)" "$(member "$run/result.json" accuracy)" \
      "$(member "$run/result.json" target)" "$(plain "$(member "$run/result.json" ended_because)")" \
      "$(trial_folder "$(member "$run/result.json" best)")/best.safetensors"
    if [[ -f $run/pushed ]]; then printf 'tweaked model: %s\n\n' "$(<"$run/pushed")"; fi
  fi
}

html_escaped() { sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g' -e 's/"/\&quot;/g' -e "s/'/\\&#39;/g"; }

# mail_part TYPE [FILE-NAME]: standard input as one part, base64.
mail_part() {
  printf -- '--%s-%s\nContent-Type: %s; charset=utf-8\nContent-Transfer-Encoding: base64\n' "$mail_boundary" "$mail_level" "$1"
  if [[ ${2:-} ]]; then printf 'Content-Disposition: attachment; filename="%s"\n' "$2"; fi
  printf '\n'
  base64 -w 76
}

mail_end() { printf -- '--%s-%s--\n' "$mail_boundary" "$mail_level"; }

# compose RECEIVER: the whole mail on standard output.
compose() {
  local mail_level=outer best
  printf 'From: %s\nTo: %s\nSubject: %s\nDate: %s\n' "$HONE_MAIL_FROM" "$1" "$(encoded "$(mail_subject)")" "$(date -R)"
  printf 'Message-ID: <%s.%s@hone>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n' "$commit" "$(stat -c %Y -- "$run/result.json")"
  printf 'Content-Type: multipart/mixed; boundary="%s-outer"\n\n--%s-outer\n' "$mail_boundary" "$mail_boundary"
  printf 'Content-Type: multipart/alternative; boundary="%s-inner"\n\n' "$mail_boundary"
  mail_level=inner
  { mail_facts && text_of_report "$run/mail.txt"; } | mail_part text/plain
  {
    printf '<!DOCTYPE html><html><body><pre>'
    mail_facts | html_escaped
    printf '</pre>\n'
    text_of_report "$run/mail.html"
    printf '</body></html>\n'
  } | mail_part text/html
  mail_end
  mail_level=outer
  if [[ -f $run/report.html ]]; then mail_part text/html report.html <"$run/report.html"; fi
  best=$(member "$run/result.json" best)
  if [[ $best && $best != 0 ]]; then
    if [[ -f $(model_file "$best") ]]; then mail_part application/yaml tweaked.yaml <"$(model_file "$best")"; fi
    if [[ -f $(trial_folder "$best").json ]]; then mail_part application/json tweaked.json <"$(trial_folder "$best").json"; fi
  fi
  mail_end
}

text_of_report() { if [[ -f $1 ]]; then cat -- "$1"; fi; }

# send_mail FILE RECEIVER: by SMTP, with curl's exit code. With a user name only over TLS, to a server whose certificate is
# trusted. The password goes by a file descriptor: it is on no command line.
send_mail() {
  local -a options=(--silent --show-error --connect-timeout 10 --max-time 120)
  if [[ $HONE_SMTP_USER ]]; then options+=(--ssl-reqd --config /dev/fd/8); fi
  without_lock curl "${options[@]}" --url "$HONE_SMTP_URL" --mail-from "$HONE_MAIL_FROM" --mail-rcpt "$2" --upload-file "$1" \
    8< <(smtp_credentials)
}

smtp_credentials() {
  local password=
  IFS= read -r password <"$HONE_SMTP_PASSWORD_FILE" || true
  local pair=$HONE_SMTP_USER:$password
  pair=${pair//\\/\\\\}
  printf 'user = "%s"\n' "${pair//\"/\\\"}"
}

# send_result: mails what result.json says, once; sets mail_state. Ends with 6 while the server can't be reached.
send_result() {
  local to tries code
  to=$(mail_receiver)
  if [[ ! -f $run/mail.eml ]]; then compose "${to:-undisclosed-recipients:;}" | sed 's/$/\r/' | write_file "$run/mail.eml"; fi
  if [[ -f $run/mail.sent ]]; then
    mail_state=$(<"$run/mail.sent")
    return
  fi
  if [[ ! $HONE_SMTP_URL || ! $to ]]; then
    mkdir -p -- "$HONE_STATE/outbox"
    write_file "$HONE_STATE/outbox/$commit.eml" <"$run/mail.eml"
    mail_state=outbox
  else
    mail_state=sent
    if [[ $HONE_SMTP_USER && ! -s $HONE_SMTP_PASSWORD_FILE ]]; then
      die "$exit_config" "HONE_SMTP_PASSWORD_FILE is '$HONE_SMTP_PASSWORD_FILE'; expected a file with the password of $HONE_SMTP_USER"
    fi
    for ((tries = 1; ; tries++)); do
      code=0
      send_mail "$run/mail.eml" "$to" || code=$?
      if ((code == 0)); then break; fi
      case $code in # trying again at once would not help
      60) die "$exit_io" "$HONE_SMTP_URL has a certificate that is not trusted; the monitor tries again" ;;
      64) die "$exit_io" "$HONE_SMTP_URL offers no TLS; expected it, since there is an HONE_SMTP_USER; the monitor tries again" ;;
      67) die "$exit_io" "$HONE_SMTP_URL refuses HONE_SMTP_USER or its password; the monitor tries again" ;;
      esac
      say "the mail can't be sent (curl's exit code $code), attempt $tries"
      if ((tries == 5)); then die "$exit_io" "the mail can't be sent to $HONE_SMTP_URL; the monitor tries again"; fi
      sleep "$((1 << tries))" {lock_fd}>&-
    done
  fi
  printf '%s\n' "$mail_state" | write_file "$run/mail.sent"
}
