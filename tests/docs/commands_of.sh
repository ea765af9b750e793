#!/bin/bash
# SPDX-License-Identifier: MIT
# commands_of.sh <folder> <page>...
# Prints every command of the pages in their order, a line each: those of blocks of commands, and
# those within sentences that have options or arguments (`atlas measure` by itself is a name). Blocks
# of Python are written into the folder as PAGE_NUMBER.py, and printed as the command that runs them.
set -euo pipefail
folder=$1
shift
programs='atlas|bash|bench/[a-z_/.]+|bench_[a-z_*]+|cmake|ctest|g[+][+]|clang[+][+]|git|hf|mkdir|mpirun|perf|pip'
programs+='|python3?|sh|apt|apt-get|ninja|make|tests/[a-z_/]+[.]sh|/usr/bin/time|[A-Z_]+=[^ ]+ [a-z]+'
awk -v programs="^($programs)( |$)" -v folder="$folder" '
  function show(command) {
    gsub(/ +/, " ", command)
    sub(/^ /, "", command)
    sub(/ $/, "", command)
    print command
  }
  # A block is of commands where it is sh, or where its first line is one; where that line begins
  # with `$ `, so does every command, and the rest is output. A loop is one command.
  function in_block(line) {
    sub(/^ +/, "", line)
    if (kind == "") kind = line ~ /^[$] / ? "prompt" : line ~ programs ? "commands" : "other"
    if (kind == "other" || (kind == "prompt" && kept == "" && line !~ /^[$] /)) return
    sub(/^[$] /, "", line)
    sub(/( +|^)#.*$/, "", line)
    kept = kept line
    if (line ~ /\\$/) sub(/\\$/, "", kept)
    else if (kept ~ /^for / && kept !~ /done$/) kept = kept (line ~ /do$/ ? " " : "; ")
    else {
      if (kept != "") show(kept)
      kept = ""
    }
  }
  function end_of_sentences() {
    while (match(sentences, /`[^`]+`/)) {
      span = substr(sentences, RSTART + 1, RLENGTH - 2)
      if (span ~ programs && span !~ /^atlas [a-z-]+ *$/ && span ~ / /) show(span)
      sentences = substr(sentences, RSTART + RLENGTH)
    }
    sentences = ""
  }
  FNR == 1 {
    end_of_sentences()
    number = 0
    page = FILENAME
    gsub(/^.*\/|[.]md$/, "", page)
  }
  /^ *```/ {
    end_of_sentences()
    if (inside) {
      if (python != "") print "python3 " python
      inside = 0
      python = ""
    } else {
      inside = 1
      kept = ""
      kind = /```sh *$/ ? "commands" : /``` *$/ ? "" : "other"
      if (/```python/) python = page "_" ++number ".py"
    }
    next
  }
  python != "" { print >(folder "/" python); next }
  inside { in_block($0); next }
  /^ *$/ { end_of_sentences(); next }
  /^    bench_/ { show($0); next }
  { sentences = sentences " " $0 }
  END { end_of_sentences() }
' "$@"
