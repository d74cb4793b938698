#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# A stranger floods the heartbeat link, at a rate that two shared cores can take beside everything else: nobody is given
# up, each frame is refused under the name that fits, and neither memory nor key exchanges grow with the flood.
# covers: D1 D2 D3 D4 D5 D6 D7
. "$(dirname "$0")/_init.sh"

$lab flood --kind random --kind spi --kind bulk-spi --kind heartbeat-spi --kind hello --kind ke1 \
	--rate 20000 --seconds 3 --json "$scratch/flood.json" || fail "flood says no"
python3 - "$scratch/flood.json" <<'EOF_PYTHON' || fail "the flood was not met as it should be"
import json, sys

result = json.load(open(sys.argv[1]))
assert (result["interval_ms"], result["lost"], result["links"]) == (10, 3, 1), result
floods = {flood["kind"]: flood for flood in result["floods"]}
assert list(floods) == ["random", "spi", "bulk-spi", "heartbeat-spi", "hello", "ke1"], list(floods)


def drops(one):
    return sum(one["drops"].values())


def taken(one):
    return one["ports"]["hb0"]["taken"]


for kind, flood in floods.items():
    assert flood["role_changes"] == flood["members_lost"] == 0, f"{kind}: {flood['events']}"
    # The rate is a wish on a busy machine; a tenth of it is a flood all the same.
    assert flood["sent"] > 0.1 * 20000 * 3, f"{kind}: only {flood['sent']} frames were sent"
    assert flood["heard"]["beats"] > 100, f"{kind}: the flooder heard {flood['heard']['beats']} beats"
    share = 1 if kind in ("random", "spi", "hello") else 2  # broadcast, or to each member in turn
    for member, one in flood["members"].items():
        port = one["ports"]["hb0"]
        # Nothing vanished between the flooder and the members' counters but what is counted as lost on the way.
        assert port["arrived"] > 0.9 * flood["sent"] / share - flood["backlog_drops"], f"{kind}: {member}: {port}"
        beats = sum(way["beats"] for way in one["heard"].values())
        assert beats > 100 * flood["seconds"] * 0.5, f"{kind}: {member} heard {beats} beats"
        assert sum(one["late_rounds"].values()) > 100 * flood["seconds"] * 0.5, f"{kind}: {member}: {one['late_rounds']}"
        grown = one["rss_mib"]["after"] - one["rss_mib"]["before"]
        assert grown < 4, f"{kind}: {member} grew by {grown} MiB"
        if kind not in ("hello", "ke1"):  # those are for control, which counts them in its own way
            assert drops(one) > 0.9 * (taken(one) - 3 * beats), f"{kind}: {member}: {taken(one)} frames, {one['drops']}"

for member in ("m1", "m2"):
    random, spi, bulk, beat = (floods[kind]["members"][member]["drops"]
                               for kind in ("random", "spi", "bulk-spi", "heartbeat-spi"))
    # D1: by EtherType and by the first bytes, all before crypto.
    assert random["rx_ethertype"] > 0 and random["rx_badip"] > 0 and random["hake_len"] > 0, random
    assert "esp_icv" not in random, random
    # D2: the SPI decides; no integrity check was ever computed.
    assert spi["esp_nosa"] > 0.9 * sum(spi.values()) and "esp_icv" not in spi, spi
    # D3: refused by whatever name, never under the heartbeat's SA, and not one of them opened.
    assert sum(bulk.values()) > 0 and not {"esp_pad", "esp_nh", "inner_parse"} & set(bulk), bulk
    # D4: as long as a beat and with its SPI a frame comes to the integrity check, or to the bound on how many may.
    assert sum(count for name, count in beat.items() if name.startswith("esp_")) > 0.9 * sum(beat.values()), beat
    assert beat.get("esp_icv", 0) > 0 and "esp_nosa" not in beat, beat

# D5: with 60,000 strangers a member of the smaller serial begins 16 exchanges in a burst and four a second, each of
# four messages at most; the answer to a HELLO is a HELLO, at most 20 a second.
hello = floods["hello"]
assert hello["heard"]["ke1"] <= 2 * 4 * (16 + 4 * (hello["seconds"] + 1)), hello["heard"]
assert hello["heard"]["hello"] <= 2 * (20 + 5) * (hello["seconds"] + 1), hello["heard"]
# D6: a KE2 is an evaluation that was made: 16 in a burst and one a second, of each of two members.
ke1 = floods["ke1"]
assert ke1["heard"]["ke2"] <= 2 * (17 + ke1["seconds"]), ke1["heard"]
EOF_PYTHON

# D7: forged KE1 use up every evaluation there is, and a member that was here before comes back beside them.
$lab flood --kind ke1 --rate 20000 --seconds 8 --restart-after 4 --json "$scratch/return.json" || fail "flood says no"
python3 - "$scratch/return.json" <<'EOF_PYTHON' || fail "a known member was kept out"
import json, sys

flood = json.load(open(sys.argv[1]))["floods"][0]
spent = sum(one["drops"].get("hake_budget", 0) for one in flood["members"].values())
assert spent > 1000, f"no budget was spent: {flood['members']}"
rejoin_ms = flood["restart"]["rejoin_ms"]
# 0.5 s on a quiet machine; without a ticket it waits for a token among 20,000 others a second.
assert rejoin_ms is not None and rejoin_ms < 2000, flood["restart"]
EOF_PYTHON
nothing_left || fail "left behind: $(leftovers)"
