#!/bin/sh
# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# A root file system of Python and one file, as a tar archive on stdout.
python=$(readlink -f /usr/bin/python3)
cp /recipes/exporter/exporter.py /exporter.py
mkdir -p /root-of-image/etc
echo 'nobody:x:65534:65534::/:/bin/false' >/root-of-image/etc/passwd
{
  echo "$python" /usr/bin/python3 /exporter.py
  find "/usr/lib/$(basename "$python")" -not -path '*/test*' -not -name '*.pyc' \( -type f -o -type l \)
  ldd "$python" "/usr/lib/$(basename "$python")"/lib-dynload/*.so | grep -oE '/[^ :)]+\.so[^ :)]*' | grep -v lib-dynload
} | tr ' ' '\n' | sort -u | while read -r file; do
  cp --archive --parents "$file" /root-of-image
  cp --archive --parents "$(readlink -f "$file")" /root-of-image
done
for link in bin lib lib64; do
  if [ -e "/root-of-image/$link" ] && [ ! -L "/root-of-image/$link" ]; then
    mkdir -p "/root-of-image/usr/$link"
    cp --archive "/root-of-image/$link/." "/root-of-image/usr/$link/"
    rm -r "/root-of-image/$link"
  fi
  ln -sfn "usr/$link" "/root-of-image/$link"
done
tar --create --directory /root-of-image .
