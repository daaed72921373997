#!/bin/sh
# Git's filter for the tracked stack files (see .gitattributes). What belongs to one checkout only, the salt of its passphrase and the
# secrets encrypted with it, stays in the file and out of what git sees.
#
#   engine/local-only.sh clean FILE     for what git takes: without them; keeps a copy in .clawfleet/stack-file.<name>
#   engine/local-only.sh restore FILE   for what git writes, on a pull for instance: with those of the copy put back
set -eu
copy=${CLAWFLEET_STATE:-.clawfleet}/stack-file.$(basename "${2:-Pulumi.dev.yaml}")
umask 077

clean() {
  awk '
    /^encryptionsalt:/ { next }
    held != "" {
      if (/^ +secure: /) { held = ""; next }
      print held
      held = ""
    }
    /^  [^ #].*:[[:space:]]*$/ { held = $0; next }
    { print }
    END { if (held != "") print held }
  ' "$@"
}

restore() {
  awk -v copy="$copy" '
    { lines[NR] = $0; if (/^  [^ #]/) present[substr($0, 1, index($0, ": ") ? index($0, ": ") : length($0))] = 1 }
    /^encryptionsalt:/ { salted = 1 }
    END {
      while ((getline line < copy) > 0) {
        if (line ~ /^encryptionsalt:/ && !salted) salt = line
        if (line ~ /^ +secure: / && key != "" && !(key in present)) secrets = secrets key "\n" line "\n"
        key = line ~ /^  [^ #].*:[[:space:]]*$/ ? line : ""
        sub(/[[:space:]]+$/, "", key)
      }
      for (i = 1; i <= NR; i++) {
        print lines[i]
        if (lines[i] ~ /^config:/) printf "%s", secrets
      }
      if (salt != "") print salt
    }
  '
}

case ${1:-} in
  clean)
    if [ ! -d "${copy%/*}" ]; then
      clean
      exit
    fi
    cat >"$copy.$$"
    clean "$copy.$$"
    if grep -qE '^encryptionsalt:|^ +secure: ' "$copy.$$"; then mv "$copy.$$" "$copy"; else rm "$copy.$$"; fi
    ;;
  restore) if [ -r "$copy" ]; then restore; else cat; fi ;;
  *) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac
