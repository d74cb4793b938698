#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# From the first frame on everything on the heartbeat links is a handshake or ESP; tshark finds every ESP packet
# genuine, and scapy, which shares no code with us either, decrypts a sample to heartbeats. Of a packet with any one bit
# of its ESP part flipped, neither believes anything.
# covers: E1 E2
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
	import collections, csv, logging, os, subprocess, sys
	logging.getLogger("scapy").setLevel(logging.ERROR)
	from scapy.all import Ether, IP, UDP, raw, rdpcap, wrpcap
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
	    if int(spi, 16) & 3:  # of another class than heartbeats: ciphered, whatever those are
	        assert cipher.startswith("AES-"), cipher
	        continue
	    algorithm = {"aes128-cbc-sha1": "AES-CBC", "aes128-gcm": "AES-GCM", "null-sha1": "NULL"}[suite]
	    assert cipher.startswith(algorithm), cipher
	    gcm = algorithm == "AES-GCM"
	    associations[int(spi, 16)] = SecurityAssociation(
	        ESP, spi=int(spi, 16), crypt_algo=algorithm, crypt_key=bytes.fromhex(key[2:]) or None,
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

	# The genuine one first, so that both are seen to judge.
	genuine = raw(packets[-1])
	flipped = [genuine[:at // 8] + bytes([genuine[at // 8] ^ 1 << at % 8]) + genuine[at // 8 + 1:]
	           for at in range(20 * 8, len(genuine) * 8)]
	trusting = []
	for number, data in enumerate([genuine, *flipped]):
	    packet = IP(data)
	    try:
	        associations[packet[ESP].spi].decrypt(packet)
	        trusting.append(number)
	    except (KeyError, IPSecIntegrityError):  # of no SA; not genuine
	        pass
	assert trusting == [0], f"scapy takes {trusting} of the genuine packet and {len(flipped)} flipped ones"
	flips = os.path.join(os.path.dirname(judged), "flips.pcap")
	wrpcap(flips, [Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02", type=0x8890) / data
	               for data in [genuine, *flipped]])
	seen = subprocess.run(
	    ["tshark", "-r", flips, "-d", "ethertype==0x8890,ip", "-T", "fields", "-e", "frame.number", "-e", "esp.icv_good"],
	    env={**os.environ, "WIRESHARK_CONFIG_DIR": os.path.dirname(keys)}, capture_output=True, text=True, check=True)
	good = [line.split("\t")[0] for line in seen.stdout.splitlines() if line.split("\t")[1:] == ["1"]]
	assert good == ["1"], f"tshark finds {good} genuine of the genuine packet and {len(flipped)} flipped ones"
	print(suite, dict(kinds), f"tshark: all good; scapy decrypted {sum(sampled.values())}; "
	      f"{len(flipped)} flipped bits, none passed either")
	EOF
}

judge aes128-gcm
judge aes128-cbc-sha1 --set 'ipsec-phase2-proposal aes128-sha1'
judge null-sha1 --set 'encryption disable'
