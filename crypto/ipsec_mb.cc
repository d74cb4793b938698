// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The only file that includes intel-ipsec-mb.h. Two managers: the library's widest for bursts, SSE with SHA-NI for a
// few packets, because a multi-buffer flush of one lane costs as much as sixteen.
#include "crypto/ipsec_mb.h"

#include <immintrin.h>
#include <intel-ipsec-mb.h>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

namespace systole::crypto {
namespace {

constexpr std::size_t aes128_rounds_bytes = 16 * 11;
constexpr std::size_t gcm_salt_bytes = 4;
constexpr std::size_t gcm_tag_bytes = 16;
constexpr std::size_t gcm_payload = esp_header_bytes + 8;
constexpr std::size_t cbc_payload = esp_header_bytes + 16;
constexpr std::size_t sha1_block_bytes = 64;
constexpr std::size_t sha1_digest_bytes = 20;

std::uint8_t *octets(std::byte *bytes)
{
	return reinterpret_cast<std::uint8_t *>(bytes);
}
const std::uint8_t *octets(const std::byte *bytes)
{
	return reinterpret_cast<const std::uint8_t *>(bytes);
}

bool has(const IMB_MGR *manager, std::uint64_t feature)
{
	return (manager->features & feature) == feature;
}

// GCM keys are expanded in a form that depends on the manager, so every thread must arrive at the same kind: the one
// the library chooses for this CPU. Returns what is wrong, or null.
const char *init_wide(IMB_MGR *manager)
{
	init_mb_mgr_auto(manager, nullptr);
	if (const int error = imb_get_errno(manager); error != 0)
		return imb_get_strerror(error);
	if (has(manager, IMB_FEATURE_SELF_TEST) && !has(manager, IMB_FEATURE_SELF_TEST_PASS))
		return "its self-test fails";
	if (!has(manager, IMB_FEATURE_AESNI))
		return "there are no AES instructions";
	return nullptr;
}

// Key expansion keeps no state in the manager, so one serves all threads and needs no locked memory.
IMB_MGR *key_manager()
{
	static IMB_MGR *const manager = [] {
		IMB_MGR *const made = alloc_mb_mgr(0);
		return made != nullptr && init_wide(made) == nullptr ? made : nullptr;
	}();
	return manager;
}

// A manager whose queues live in locked memory: while a burst is under way they hold what is derived from keys.
class Manager {
public:
	Manager() : m_region(imb_get_mb_mgr_size())
	{
		if (m_region.memory().empty())
			throw std::runtime_error("no locked memory for the ciphers: raise RLIMIT_MEMLOCK (ulimit -l) "
						 "or grant CAP_IPC_LOCK");
		m_manager = imb_set_pointers_mb_mgr(m_region.memory().data(), 0, 1);
	}
	[[nodiscard]] IMB_MGR *get() const { return m_manager; }

private:
	LockedRegion m_region;
	IMB_MGR *m_manager = nullptr;
};

} // namespace

struct SaKeySchedule {
	// What opens stands in front, what seals behind, what does both between: few cache lines for either.
	struct CbcSha1 {
		alignas(16) std::array<std::uint8_t, aes128_rounds_bytes> decrypt;
		std::array<std::uint8_t, sha1_digest_bytes> inner, outer; // SHA-1 state after the key's pad block
		alignas(16) std::array<std::uint8_t, aes128_rounds_bytes> encrypt, iv;
	};
	struct Gcm {
		gcm_key_data key;
		std::array<std::byte, gcm_salt_bytes> salt;
	};
	union {
		CbcSha1 cbc_sha1;
		Gcm gcm;
	};
};
static_assert(sizeof(SaKeySchedule) <= key_schedule_bytes);
static_assert(alignof(SaKeySchedule) <= key_schedule_align);

namespace {

// HMAC (RFC 2104) with the two key blocks hashed beforehand. A 20-byte key is shorter than the block: no hashing of it.
void expand_hmac(IMB_MGR *manager, Bytes key, SaKeySchedule::CbcSha1 &out)
{
	Secret<sha1_block_bytes> block;
	const auto absorb = [&](std::byte pad, std::array<std::uint8_t, sha1_digest_bytes> &digest) {
		for (std::size_t i = 0; i < sha1_block_bytes; ++i)
			block.span()[i] = (i < key.size() ? key[i] : std::byte{0}) ^ pad;
		IMB_SHA1_ONE_BLOCK(manager, block.span().data(), digest.data());
	};
	absorb(std::byte{0x36}, out.inner);
	absorb(std::byte{0x5c}, out.outer);
}

} // namespace

SaKeySchedule *expand_keys(std::span<std::byte, key_schedule_bytes> memory, Suite suite, Bytes key)
{
	if (suite == Suite::none || key.size() != shape_of(suite).key_bytes)
		return nullptr;
	IMB_MGR *const manager = key_manager();
	if (manager == nullptr)
		return nullptr;
	auto *const keys = new (memory.data()) SaKeySchedule;
	switch (suite) {
	case Suite::null_sha1: expand_hmac(manager, key, keys->cbc_sha1); break;
	case Suite::cbc_sha1: {
		// enc16 | auth20 | ivkey16
		SaKeySchedule::CbcSha1 &out = keys->cbc_sha1;
		IMB_AES_KEYEXP_128(manager, key.data(), out.encrypt.data(), out.decrypt.data());
		expand_hmac(manager, key.subspan(16, 20), out);
		alignas(16) Secret<aes128_rounds_bytes> unused; // the library always expands both directions
		IMB_AES_KEYEXP_128(manager, key.data() + 36, out.iv.data(), unused.span().data());
		break;
	}
	case Suite::gcm:
		// enc16 | salt4
		IMB_AES128_GCM_PRE(manager, key.data(), &keys->gcm.key);
		std::memcpy(keys->gcm.salt.data(), key.data() + 16, gcm_salt_bytes);
		break;
	case Suite::plain: // there is none
	case Suite::none: break;
	}
	return keys;
}

namespace {

void prefetch_bytes(const SaKeySchedule *keys, std::size_t from, std::size_t to)
{
	constexpr std::size_t cache_line = 64;
	for (std::size_t at = from / cache_line * cache_line; at < to; at += cache_line)
		__builtin_prefetch(reinterpret_cast<const std::byte *>(keys) + at);
}

} // namespace

void prefetch_to_seal(const SaKeySchedule *keys)
{
	prefetch_bytes(keys, offsetof(SaKeySchedule::CbcSha1, inner), sizeof(SaKeySchedule::CbcSha1));
}

void prefetch_to_open(const SaKeySchedule *keys)
{
	prefetch_bytes(keys, 0, offsetof(SaKeySchedule::CbcSha1, encrypt));
}

struct IpsecMb::Impl {
	explicit Impl(std::size_t from) : wide_from(from)
	{
		if (const char *const error = init_wide(wide.get()); error != nullptr)
			throw std::runtime_error(std::string("IPsec-MB does not run on this CPU: ") + error);
		narrow = wide.get();
		if (has(wide.get(), IMB_FEATURE_SHANI) && wide.get()->used_arch != IMB_ARCH_SSE) {
			init_mb_mgr_sse(sse.get());
			if (imb_get_errno(sse.get()) == 0)
				narrow = sse.get();
		}
	}

	[[nodiscard]] IMB_MGR *manager_for(std::size_t packets) const
	{
		return packets < wide_from ? narrow : wide.get();
	}

	void cbc(std::span<const CipherJob> burst, IMB_CIPHER_DIRECTION direction)
	{
		assert(burst.size() <= max_burst);
		if (burst.empty())
			return;
		for (std::size_t i = 0; i < burst.size(); ++i) {
			IMB_JOB &job = jobs[i];
			const SaKeySchedule::CbcSha1 &keys = burst[i].keys->cbc_sha1;
			job.enc_keys = keys.encrypt.data();
			job.dec_keys = keys.decrypt.data();
			job.key_len_in_bytes = IMB_KEY_128_BYTES;
			job.iv = octets(burst[i].packet) + esp_header_bytes;
			job.iv_len_in_bytes = 16;
			job.src = octets(burst[i].packet);
			job.cipher_start_src_offset_in_bytes = cbc_payload;
			job.dst = octets(burst[i].packet) + cbc_payload; // the offset applies to src alone
			job.msg_len_to_cipher_in_bytes = burst[i].bytes - cbc_payload;
		}
		IMB_MGR *const manager = manager_for(burst.size());
		const auto count = static_cast<std::uint32_t>(burst.size());
		// Lengths and pointers were checked by the caller; the library's own checks would repeat that per packet.
		const std::uint32_t done = IMB_SUBMIT_CIPHER_BURST_NOCHECK(manager, jobs.data(), count, IMB_CIPHER_CBC,
									   direction, IMB_KEY_128_BYTES);
		assert(done == count);
	}

	Manager wide, sse;
	IMB_MGR *narrow = nullptr; // for bursts under wide_from
	std::size_t wide_from;
	gcm_context_data gcm_context{};
	std::array<IMB_JOB, max_burst> jobs{};
};

IpsecMb::IpsecMb(std::size_t wide_from) : m_impl(std::make_unique<Impl>(wide_from)) {}

IpsecMb::~IpsecMb()
{
	wipe(std::as_writable_bytes(std::span(&m_impl->gcm_context, 1)));
}

// The library can cipher a single block only through calls made for streams (CFB), which take 20 ns where this takes 3.
[[gnu::target("aes")]] void IpsecMb::make_cbc_iv(const SaKeySchedule *keys, std::uint32_t sequence, std::byte *iv)
{
	const auto *const round = reinterpret_cast<const __m128i *>(keys->cbc_sha1.iv.data());
	// be64(sequence) is the upper half of the block, and 32 bits of it are always zero.
	__m128i block = _mm_set_epi32(static_cast<int>(__builtin_bswap32(sequence)), 0, 0, 0);
	block = _mm_xor_si128(block, _mm_load_si128(round));
#pragma GCC unroll 9
	for (int i = 1; i < 10; ++i)
		block = _mm_aesenc_si128(block, _mm_load_si128(round + i));
	_mm_storeu_si128(reinterpret_cast<__m128i *>(iv), _mm_aesenclast_si128(block, _mm_load_si128(round + 10)));
}

void IpsecMb::encrypt_cbc(std::span<const CipherJob> burst)
{
	m_impl->cbc(burst, IMB_DIR_ENCRYPT);
}

void IpsecMb::decrypt_cbc(std::span<const CipherJob> burst)
{
	m_impl->cbc(burst, IMB_DIR_DECRYPT);
}

void IpsecMb::authenticate(std::span<const CipherJob> burst)
{
	assert(burst.size() <= max_burst);
	if (burst.empty())
		return;
	for (std::size_t i = 0; i < burst.size(); ++i) {
		IMB_JOB &job = m_impl->jobs[i];
		const SaKeySchedule::CbcSha1 &keys = burst[i].keys->cbc_sha1;
		job.src = octets(burst[i].packet);
		job.hash_start_src_offset_in_bytes = 0;
		job.msg_len_to_hash_in_bytes = burst[i].bytes;
		job.auth_tag_output = octets(burst[i].icv);
		job.auth_tag_output_len_in_bytes = shape_of(Suite::cbc_sha1).icv_bytes;
		job.u.HMAC._hashed_auth_key_xor_ipad = keys.inner.data();
		job.u.HMAC._hashed_auth_key_xor_opad = keys.outer.data();
	}
	IMB_MGR *const manager = m_impl->manager_for(burst.size());
	const auto count = static_cast<std::uint32_t>(burst.size());
	const std::uint32_t done =
		IMB_SUBMIT_HASH_BURST_NOCHECK(manager, m_impl->jobs.data(), count, IMB_AUTH_HMAC_SHA_1);
	assert(done == count);
}

namespace {

// RFC 4106: nonce = salt | explicit IV, additional data = SPI | sequence number.
std::array<std::byte, IMB_GCM_IV_DATA_LEN> gcm_nonce(const CipherJob &job)
{
	std::array<std::byte, IMB_GCM_IV_DATA_LEN> nonce;
	std::memcpy(nonce.data(), job.keys->gcm.salt.data(), gcm_salt_bytes);
	std::memcpy(nonce.data() + gcm_salt_bytes, job.packet + esp_header_bytes, 8);
	return nonce;
}

} // namespace

void IpsecMb::encrypt_gcm(const CipherJob &job)
{
	const auto nonce = gcm_nonce(job);
	std::uint8_t *const payload = octets(job.packet) + gcm_payload;
	IMB_AES128_GCM_ENC(m_impl->wide.get(), &job.keys->gcm.key, &m_impl->gcm_context, payload, payload,
			   job.bytes - gcm_payload, octets(nonce.data()), octets(job.packet), esp_header_bytes,
			   octets(job.icv), gcm_tag_bytes);
}

void IpsecMb::decrypt_gcm(const CipherJob &job)
{
	const auto nonce = gcm_nonce(job);
	std::uint8_t *const payload = octets(job.packet) + gcm_payload;
	IMB_AES128_GCM_DEC(m_impl->wide.get(), &job.keys->gcm.key, &m_impl->gcm_context, payload, payload,
			   job.bytes - gcm_payload, octets(nonce.data()), octets(job.packet), esp_header_bytes,
			   octets(job.icv), gcm_tag_bytes);
}

} // namespace systole::crypto
