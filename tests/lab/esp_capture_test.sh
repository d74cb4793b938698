#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# From the first frame on everything on the heartbeat links is a handshake or ESP; tshark finds every ESP packet
# genuine, and scapy, which shares no code with us either, decrypts a sample to heartbeats.
. "$(dirname "$0")/_init.sh"
command -v tshark >/dev/null || { echo "skipped: needs tshark"; exit 77; }
/usr/bin/python3 -c 'import scapy' 2>/dev/null || { echo "skipped: needs python3-scapy"; exit 77; }

judge()
{
	local suite=$1 keys=$scratch/keys-$1 capture=$scratch/$1.pcap chosen; shift
	$lab up --key-log "$keys" --capture "$capture" "$@"
	chosen=$(answer m1 's["protection"]["suite"]')
	[ "$chosen" = "$suite" ] || fail "the suite is $chosen, not $suite"
	sleep 1
	$lab down
	WIRESHARK_CONFIG_DIR=$keys tshark -r "$capture" -d ethertype==0x8890,ip -Y esp -T fields -e esp.spi \
		-e esp.icv_good -e esp.icv_bad -e udp.dstport >"$scratch/esp" 2>"$scratch/err" || { cat "$scratch/err"; fail "tshark"; }
	/usr/bin/python3 - "$suite" "$capture" "$keys/esp_sa" "$scratch/esp" <<-'EOF' || fail "$suite: the capture is not right"
	import collections, csv, logging, sys
	logging.getLogger("scapy").setLevel(logging.ERROR)
	from scapy.all import IP, UDP, raw, rdpcap
	from scapy.layers.ipsec import ESP, IPSecIntegrityError, SecurityAssociation
	suite, capture, keys, judged = sys.argv[1:]
	kinds, packets = collections.Counter(), []
	for frame in rdpcap(capture):
	    assert frame.type == 0x8890, f"EtherType {frame.type:#x} on a heartbeat link"
	    data = raw(frame)[14:]
	    if data[:4] == b"HAKE":
	        kinds["handshake"] += 1
	        continue
	    assert data[0] == 0x45 and data[9] == 50, f"neither a handshake nor ESP: {data[:16].hex()}"
	    kinds["esp"] += 1
	    packets.append(IP(data[:int.from_bytes(data[2:4], "big")]))
	assert kinds["esp"] > 200 and kinds["handshake"] >= 4, kinds

	lines = [line.rstrip("\n").split("\t") for line in open(judged)]
	assert len(lines) == kinds["esp"], f"tshark saw {len(lines)} of {kinds['esp']} ESP packets"
	bad = [line for line in lines if line[1:] != ["1", "0", "8890"]]
	assert not bad, f"{len(bad)} ESP packets are not genuine heartbeats, the first {bad[0]}"

	associations = {}
	for _, _, _, spi, cipher, key, _, mac_key in csv.reader(open(keys)):
	    assert cipher.startswith("AES-CBC" if suite == "aes128-cbc-sha1" else "AES-GCM"), cipher
	    gcm = cipher.startswith("AES-GCM")
	    associations[int(spi, 16)] = SecurityAssociation(
	        ESP, spi=int(spi, 16), crypt_algo="AES-GCM" if gcm else "AES-CBC", crypt_key=bytes.fromhex(key[2:]),
	        auth_algo=None if gcm else "HMAC-SHA1-96", auth_key=None if gcm else bytes.fromhex(mac_key[2:]),
	        tunnel_header=IP(src="169.254.0.1", dst="169.254.0.2"))
	sampled = collections.Counter()
	for packet in packets:
	    spi = packet[ESP].spi
	    if sampled[spi] < 10:
	        inner = associations[spi].decrypt(packet)
	        assert inner[UDP].dport == 8890, inner.summary()
	        sampled[spi] += 1
	assert len(sampled) >= 4 and sum(sampled.values()) >= 40, sampled
	packet = packets[-1]
	forged = IP(raw(packet)[:-1] + bytes([raw(packet)[-1] ^ 1]))
	try:
	    associations[packet[ESP].spi].decrypt(forged)
	    sys.exit("scapy takes a forged packet: this test could not fail")
	except IPSecIntegrityError:
	    pass
	print(suite, dict(kinds), f"tshark: all good; scapy decrypted {sum(sampled.values())}")
	EOF
}

judge aes128-gcm
judge aes128-cbc-sha1 --set 'ipsec-phase2-proposal aes128-sha1'
