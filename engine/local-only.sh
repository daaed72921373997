#!/bin/sh
# Git's clean filter for the tracked stack file (see .gitattributes): drops what belongs to one checkout only, the salt of its
# passphrase and the secrets encrypted with it.
exec awk '
  /^encryptionsalt:/ { next }
  held != "" {
    if (/^ +secure: /) { held = ""; next }
    print held
    held = ""
  }
  /^  [^ #].*:[[:space:]]*$/ { held = $0; next }
  { print }
  END { if (held != "") print held }
'
