// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/ipsec_mb_raw.h"

#include "crypto/ipsec_mb.h"

#include <intel-ipsec-mb.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace systole::bench {

namespace {

using crypto::Suite;

constexpr std::size_t max_burst = 64;

std::uint8_t *octets(std::byte *bytes)
{
	return reinterpret_cast<std::uint8_t *>(bytes);
}

void must(bool good)
{
	if (!good)
		std::abort();
}

} // namespace

struct IpsecMbRaw::Impl {
	Impl(const SaKey &key, std::size_t inner, ImbApi wanted)
	    : suite(key.suite), api(wanted), packets(key.suite, inner)
	{
		init_mb_mgr_auto(wide, nullptr);
		init_mb_mgr_sse(narrow);
		must(imb_get_errno(wide) == 0 && imb_get_errno(narrow) == 0);
		if (suite == Suite::gcm) {
			// The direct call and the wide manager are the fastest for any burst, and key forms differ by manager.
			IMB_AES128_GCM_PRE(wide, key.encryption().data(), &gcm_key);
			std::copy_n(key.salt().begin(), nonces[0].size() / 3, salt.begin());
			return;
		}
		if (suite == Suite::cbc_sha1)
			IMB_AES_KEYEXP_128(wide, key.encryption().data(), encrypt.data(), decrypt.data());
		absorb(key.authentication(), std::byte{0x36}, inner_state);
		absorb(key.authentication(), std::byte{0x5c}, outer_state);
	}
	~Impl()
	{
		free_mb_mgr(wide);
		free_mb_mgr(narrow);
	}
	Impl(const Impl &) = delete;
	Impl &operator=(const Impl &) = delete;

	void absorb(crypto::Bytes key, std::byte pad, std::array<std::uint8_t, 20> &state) const
	{
		std::array<std::byte, 64> block;
		for (std::size_t i = 0; i < block.size(); ++i)
			block[i] = (i < key.size() ? key[i] : std::byte{0}) ^ pad;
		IMB_SHA1_ONE_BLOCK(wide, block.data(), state.data());
	}
	[[nodiscard]] IMB_MGR *manager(std::size_t count) const
	{
		return count < crypto::IpsecMb::measured_wide_from ? narrow : wide;
	}

	void describe_cipher(IMB_JOB &job, std::byte *packet)
	{
		const EspLayout &at = packets.layout();
		job.enc_keys = encrypt.data();
		job.dec_keys = decrypt.data();
		job.key_len_in_bytes = 16;
		job.iv = octets(packet) + 8;
		job.iv_len_in_bytes = 16;
		job.src = octets(packet);
		job.dst = octets(packet) + at.payload;
		job.cipher_start_src_offset_in_bytes = at.payload;
		job.msg_len_to_cipher_in_bytes = at.padded;
	}
	void describe_hash(IMB_JOB &job, std::byte *packet, std::byte *tag)
	{
		job.src = octets(packet);
		job.hash_start_src_offset_in_bytes = 0;
		job.msg_len_to_hash_in_bytes = packets.layout().icv;
		job.auth_tag_output = octets(tag);
		job.auth_tag_output_len_in_bytes = packets.layout().icv_bytes;
		job.u.HMAC._hashed_auth_key_xor_ipad = inner_state.data();
		job.u.HMAC._hashed_auth_key_xor_opad = outer_state.data();
	}
	// A chained job of either suite of two algorithms, or of GCM.
	void describe_chain(IMB_JOB &job, std::byte *packet, std::byte *tag, IMB_CIPHER_DIRECTION direction,
			    std::size_t index)
	{
		job.cipher_direction = direction;
		job.chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
		if (suite == Suite::gcm) {
			const EspLayout &at = packets.layout();
			job.cipher_mode = IMB_CIPHER_GCM;
			job.hash_alg = IMB_AUTH_AES_GMAC;
			job.enc_keys = &gcm_key;
			job.dec_keys = &gcm_key;
			job.key_len_in_bytes = 16;
			job.iv = nonce(index, packet);
			job.iv_len_in_bytes = 12;
			job.src = octets(packet);
			job.dst = octets(packet) + at.payload;
			job.cipher_start_src_offset_in_bytes = at.payload;
			job.hash_start_src_offset_in_bytes = at.payload;
			job.msg_len_to_cipher_in_bytes = at.padded;
			job.msg_len_to_hash_in_bytes = at.padded;
			job.u.GCM.aad = packet;
			job.u.GCM.aad_len_in_bytes = 8;
			job.auth_tag_output = octets(tag);
			job.auth_tag_output_len_in_bytes = 16;
			return;
		}
		job.cipher_mode = IMB_CIPHER_NULL;
		job.hash_alg = IMB_AUTH_HMAC_SHA_1;
		job.msg_len_to_cipher_in_bytes = 0;
		if (suite == Suite::cbc_sha1) {
			job.cipher_mode = IMB_CIPHER_CBC;
			describe_cipher(job, packet);
		}
		describe_hash(job, packet, tag);
	}
	[[nodiscard]] const std::uint8_t *nonce(std::size_t index, const std::byte *packet)
	{
		std::memcpy(nonces[index].data(), salt.data(), salt.size());
		std::memcpy(nonces[index].data() + salt.size(), packet + 8, 8);
		return nonces[index].data();
	}

	template <typename PacketAt, typename TagAt>
	void run(std::size_t count, IMB_CIPHER_DIRECTION direction, PacketAt packet_at, TagAt tag_at)
	{
		// One key form: GCM stays with the wide manager.
		IMB_MGR *const mgr = suite == Suite::gcm ? wide : manager(count);
		switch (api) {
		case ImbApi::job: return run_jobs(mgr, count, direction, packet_at, tag_at);
		case ImbApi::burst: return run_burst(mgr, count, direction, packet_at, tag_at);
		case ImbApi::split: break;
		}
		if (suite == Suite::gcm)
			run_gcm(mgr, count, direction, packet_at, tag_at);
		else
			run_split(mgr, count, direction, packet_at, tag_at);
	}
	template <typename PacketAt, typename TagAt>
	void run_jobs(IMB_MGR *mgr, std::size_t count, IMB_CIPHER_DIRECTION direction, PacketAt packet_at, TagAt tag_at)
	{
		for (std::size_t i = 0; i < count; ++i) {
			describe_chain(*IMB_GET_NEXT_JOB(mgr), packet_at(i), tag_at(i), direction, i);
			IMB_SUBMIT_JOB_NOCHECK(mgr);
			while (IMB_GET_COMPLETED_JOB(mgr) != nullptr) {}
		}
		while (IMB_FLUSH_JOB(mgr) != nullptr) {}
	}
	template <typename PacketAt, typename TagAt>
	void run_burst(IMB_MGR *mgr, std::size_t count, IMB_CIPHER_DIRECTION direction, PacketAt packet_at,
		       TagAt tag_at)
	{
		std::array<IMB_JOB *, max_burst> burst;
		const auto wanted = static_cast<std::uint32_t>(count);
		must(IMB_GET_NEXT_BURST(mgr, wanted, burst.data()) == wanted);
		for (std::size_t i = 0; i < count; ++i)
			describe_chain(*burst[i], packet_at(i), tag_at(i), direction, i);
		std::uint32_t done = IMB_SUBMIT_BURST_NOCHECK(mgr, wanted, burst.data());
		while (done < wanted)
			done += IMB_FLUSH_BURST(mgr, wanted - done, burst.data());
	}
	template <typename PacketAt, typename TagAt>
	void run_split(IMB_MGR *mgr, std::size_t count, IMB_CIPHER_DIRECTION direction, PacketAt packet_at,
		       TagAt tag_at)
	{
		const auto wanted = static_cast<std::uint32_t>(count);
		const auto cipher = [&] {
			if (suite == Suite::null_sha1)
				return;
			for (std::size_t i = 0; i < count; ++i)
				describe_cipher(jobs[i], packet_at(i));
			must(IMB_SUBMIT_CIPHER_BURST_NOCHECK(mgr, jobs.data(), wanted, IMB_CIPHER_CBC, direction,
							     IMB_KEY_128_BYTES) == wanted);
		};
		if (direction == IMB_DIR_ENCRYPT)
			cipher();
		for (std::size_t i = 0; i < count; ++i)
			describe_hash(jobs[i], packet_at(i), tag_at(i));
		must(IMB_SUBMIT_HASH_BURST_NOCHECK(mgr, jobs.data(), wanted, IMB_AUTH_HMAC_SHA_1) == wanted);
		if (direction == IMB_DIR_DECRYPT)
			cipher();
	}
	template <typename PacketAt, typename TagAt>
	void run_gcm(IMB_MGR *mgr, std::size_t count, IMB_CIPHER_DIRECTION direction, PacketAt packet_at, TagAt tag_at)
	{
		const EspLayout &at = packets.layout();
		const auto call = direction == IMB_DIR_ENCRYPT ? mgr->gcm128_enc : mgr->gcm128_dec;
		for (std::size_t i = 0; i < count; ++i) {
			std::uint8_t *const packet = octets(packet_at(i));
			call(&gcm_key, &gcm_context, packet + at.payload, packet + at.payload, at.padded,
			     nonce(i, packet_at(i)), packet, 8, octets(tag_at(i)), 16);
		}
	}

	Suite suite;
	ImbApi api;
	FramedPackets packets;
	IMB_MGR *wide = alloc_mb_mgr(0);
	IMB_MGR *narrow = alloc_mb_mgr(0);
	alignas(16) std::array<std::uint8_t, 176> encrypt{}, decrypt{};
	std::array<std::uint8_t, 20> inner_state{}, outer_state{};
	alignas(64) gcm_key_data gcm_key{};
	gcm_context_data gcm_context{};
	std::array<std::byte, 4> salt{};
	std::array<std::array<std::uint8_t, 12>, max_burst> nonces{};
	std::array<IMB_JOB, max_burst> jobs{};
	std::array<std::array<std::byte, 16>, max_burst> tags{};
};

IpsecMbRaw::IpsecMbRaw(const SaKey &key, std::size_t inner, ImbApi api)
    : m_impl(std::make_unique<Impl>(key, inner, api))
{
}

IpsecMbRaw::~IpsecMbRaw() = default;

FramedPackets &IpsecMbRaw::packets()
{
	return m_impl->packets;
}

void IpsecMbRaw::seal(std::size_t count)
{
	FramedPackets &packets = m_impl->packets;
	const std::size_t icv = packets.layout().icv;
	m_impl->run(
		count, IMB_DIR_ENCRYPT, [&](std::size_t i) { return packets.packet(i); },
		[&](std::size_t i) { return packets.packet(i) + icv; });
}

void IpsecMbRaw::open(std::size_t first, std::size_t count)
{
	m_impl->run(
		count, IMB_DIR_DECRYPT, [&](std::size_t i) { return m_impl->packets.packet(first + i); },
		[&](std::size_t i) { return m_impl->tags[i].data(); });
}

bool IpsecMbRaw::tags_match(std::size_t first, std::size_t count)
{
	FramedPackets &packets = m_impl->packets;
	for (std::size_t i = 0; i < count; ++i)
		if (std::memcmp(packets.packet(first + i) + packets.layout().icv, m_impl->tags[i].data(),
				packets.layout().icv_bytes) != 0)
			return false;
	return true;
}

} // namespace systole::bench
