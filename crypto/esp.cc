// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// RFC 4303 sections 3.3 (outbound) and 3.4 (inbound), step by step; a burst takes each step together.
#include "crypto/esp.h"

#include "crypto/bytes.h"
#include "crypto/ipsec_mb.h"

#include <array>
#include <cassert>
#include <cstring>

namespace systole::crypto {
namespace {

constexpr std::size_t max_burst = IpsecMb::max_burst;
constexpr std::byte next_header_ipv4{4};
constexpr std::byte next_header_dummy{59}; // RFC 4303 2.6

// 1, 2, 3, ...: self-describing padding (RFC 4303 2.4), as much of it as a pad length can ask for.
constexpr auto self_describing = [] {
	std::array<std::byte, 255> padding{};
	for (std::size_t i = 0; i < padding.size(); ++i)
		padding[i] = static_cast<std::byte>(i + 1);
	return padding;
}();

// Padding, pad length, next header.
void append_trailer(std::byte *out, std::size_t pad_length)
{
	std::memcpy(out, self_describing.data(), pad_length);
	out[pad_length] = static_cast<std::byte>(pad_length);
	out[pad_length + 1] = next_header_ipv4;
}

// Up to the next multiple of `align`, a power of two; a division per packet would show in the figures.
constexpr std::size_t missing_to(std::size_t align, std::size_t bytes)
{
	return -bytes & (align - 1);
}

// Header, IV, ICV and at least one aligned block that can hold the trailer.
bool length_is_possible(const SuiteShape &shape, std::size_t esp_length)
{
	const std::size_t overhead = esp_header_bytes + shape.iv_bytes + shape.icv_bytes;
	return esp_length >= overhead + shape.align && esp_length <= max_esp_bytes &&
	       missing_to(shape.align, esp_length - overhead) == 0;
}

// Jobs of one burst, gathered for one call of a cipher.
struct JobList {
	void add(const CipherJob &job) { jobs[count++] = job; }
	[[nodiscard]] std::span<const CipherJob> all() const { return {jobs.data(), count}; }

	std::array<CipherJob, max_burst> jobs;
	std::size_t count = 0;
};

} // namespace

struct EspEngine::Impl {
	void seal(std::span<Seal> burst);
	[[nodiscard]] Refusal frame(Seal &packet);
	void open(std::span<Open> burst);
	[[nodiscard]] static Refusal before_tag(const Open &packet);
	[[nodiscard]] static Refusal after_decryption(Open &packet);
	static void refuse_deciphered(Open &packet, Refusal refusal);

	std::uint64_t integrity_checks = 0;
	IpsecMb ciphers;
	std::array<std::array<std::byte, 16>, max_burst> tags{}; // what the ICV of each packet should be
};

EspEngine::EspEngine() : m_impl(std::make_unique<Impl>()) {}

EspEngine::~EspEngine() = default;

void EspEngine::seal(std::span<Seal> burst)
{
	for (; burst.size() > max_burst; burst = burst.subspan(max_burst))
		m_impl->seal(burst.first(max_burst));
	m_impl->seal(burst);
}

void EspEngine::open(std::span<Open> burst)
{
	for (; burst.size() > max_burst; burst = burst.subspan(max_burst))
		m_impl->open(burst.first(max_burst));
	m_impl->open(burst);
}

std::uint64_t EspEngine::integrity_checks() const
{
	return m_impl->integrity_checks;
}

// ---------------------------------------------------------------- outbound

// 3.3.2 Packet encryption steps 1 and 2, and 3.3.3 sequence number: everything around the payload, in place.
Refusal EspEngine::Impl::frame(Seal &packet)
{
	OutboundSa &sa = *packet.sa;
	const SuiteShape shape = shape_of(sa.m_suite);
	const std::size_t front = esp_header_bytes + shape.iv_bytes;

	// Padding: the trailer must end on the cipher's alignment.
	const std::size_t unpadded = packet.inner_length + esp_trailer_bytes;
	const std::size_t pad_length = missing_to(shape.align, unpadded);
	if (packet.inner_length == 0 || packet.inner_length > max_esp_bytes ||
	    front + unpadded + pad_length + shape.icv_bytes > max_esp_bytes || packet.headroom < front ||
	    packet.tailroom < pad_length + esp_trailer_bytes + shape.icv_bytes)
		return Refusal::room;

	// Sequence number: the counter must not cycle; with a used-up SA nothing is sent at all.
	if (sa.m_next == 0)
		return Refusal::exhausted;
	packet.sequence = sa.m_next++; // 2^32-1 is followed by 0, which means used up

	packet.esp = packet.inner - front;
	packet.esp_length = front + unpadded + pad_length + shape.icv_bytes;
	// One store: the ciphers read it back at once, and two halves could not be forwarded to one load.
	store_be64(packet.esp, std::uint64_t{sa.m_spi} << 32 | packet.sequence);

	// Explicit IV.
	if (sa.m_suite == Suite::cbc_sha1)
		IpsecMb::make_cbc_iv(sa.m_keys, packet.sequence, packet.esp + esp_header_bytes);
	else if (sa.m_suite == Suite::gcm)
		store_be64(packet.esp + esp_header_bytes, packet.sequence);

	append_trailer(packet.inner + packet.inner_length, pad_length);
	return Refusal::none;
}

void EspEngine::Impl::seal(std::span<Seal> burst)
{
	JobList combined, separate, authenticate_only;
	for (Seal &packet : burst) {
		assert(packet.sa != nullptr);
		packet.refusal = frame(packet);
		if (packet.refusal != Refusal::none) {
			packet.esp = nullptr;
			packet.esp_length = 0;
			packet.sequence = 0;
			continue;
		}
		const std::size_t bytes = packet.esp_length - shape_of(packet.sa->m_suite).icv_bytes;
		const CipherJob job{packet.sa->m_keys, packet.esp, bytes, packet.esp + bytes};
		switch (packet.sa->m_suite) {
		case Suite::gcm: combined.add(job); break;
		case Suite::cbc_sha1: separate.add(job); break;
		case Suite::null_sha1: authenticate_only.add(job); break;
		case Suite::plain: // framed, and that is all
		case Suite::none: break;
		}
	}
	// 3.3.2.2: combined mode, both at once. Not in the loop above: there the cipher would wait for its frame's stores.
	for (const CipherJob &job : combined.all())
		ciphers.encrypt_gcm(job);
	// 3.3.2.1: separate algorithms, encryption first, then the ICV over SPI .. next header.
	ciphers.encrypt_cbc(separate.all());
	ciphers.authenticate(separate.all());
	ciphers.authenticate(authenticate_only.all());
}

// ---------------------------------------------------------------- inbound

Refusal EspEngine::Impl::before_tag(const Open &packet)
{
	if (!length_is_possible(shape_of(packet.sa->m_suite), packet.esp_length))
		return Refusal::len;
	// 3.4.3 Sequence number verification, first half: cheap, and nothing changes yet.
	if (!packet.sa->m_window.check(load_be32(packet.esp + 4)))
		return Refusal::replay_pre;
	return Refusal::none;
}

// 3.4.4.1 step 3: padding, pad length and next header, and what is left is the inner packet.
Refusal EspEngine::Impl::after_decryption(Open &packet)
{
	const SuiteShape shape = shape_of(packet.sa->m_suite);
	std::byte *const payload = packet.esp + esp_header_bytes + shape.iv_bytes;
	const std::size_t payload_length = packet.esp_length - esp_header_bytes - shape.iv_bytes - shape.icv_bytes;
	const auto pad_length = std::to_integer<std::size_t>(payload[payload_length - 2]);
	const std::byte next_header = payload[payload_length - 1];

	if (pad_length + esp_trailer_bytes > payload_length)
		return Refusal::pad;
	const std::size_t inner_length = payload_length - esp_trailer_bytes - pad_length;
	// The ICV has vouched for these bytes: nobody learns anything from the time this takes.
	if (std::memcmp(payload + inner_length, self_describing.data(), pad_length) != 0)
		return Refusal::pad;
	if (next_header != next_header_ipv4 && next_header != next_header_dummy)
		return Refusal::nh;

	++packet.sa->packets;
	packet.sa->bytes += packet.esp_length;
	if (next_header == next_header_dummy)
		return Refusal::dummy;
	packet.inner = payload;
	packet.inner_length = inner_length;
	return Refusal::none;
}

void EspEngine::Impl::refuse_deciphered(Open &packet, Refusal refusal)
{
	packet.refusal = refusal;
	const SuiteShape shape = shape_of(packet.sa->m_suite);
	const std::size_t front = esp_header_bytes + shape.iv_bytes;
	wipe({packet.esp + front, packet.esp_length - front - shape.icv_bytes});
}

void EspEngine::Impl::open(std::span<Open> burst)
{
	JobList authenticate, decrypt;
	for (std::size_t i = 0; i < burst.size(); ++i) {
		Open &packet = burst[i];
		assert(packet.sa != nullptr);
		packet.inner = nullptr;
		packet.inner_length = 0;
		packet.sequence = 0;
		packet.refusal = before_tag(packet);
		if (packet.refusal != Refusal::none)
			continue;
		packet.sequence = load_be32(packet.esp + 4);
		const std::size_t bytes = packet.esp_length - shape_of(packet.sa->m_suite).icv_bytes;
		const CipherJob job{packet.sa->m_keys, packet.esp, bytes, tags[i].data()};
		if (packet.sa->m_suite == Suite::plain)
			continue; // no ICV: of no bytes, and right
		++integrity_checks;
		if (packet.sa->m_suite == Suite::gcm)
			ciphers.decrypt_gcm(job); // combined mode deciphers on the way; used only if the tag is right
		else
			authenticate.add(job);
	}
	ciphers.authenticate(authenticate.all());

	for (std::size_t i = 0; i < burst.size(); ++i) {
		Open &packet = burst[i];
		if (packet.refusal != Refusal::none)
			continue;
		// 3.4.4 Integrity check value verification.
		const Suite suite = packet.sa->m_suite;
		const std::size_t icv_bytes = shape_of(suite).icv_bytes;
		const Bytes received(packet.esp + packet.esp_length - icv_bytes, icv_bytes);
		if (!equal_constant_time(received, Bytes(tags[i]).first(icv_bytes)))
			packet.refusal = Refusal::icv;
		// 3.4.3, second half: the window moves only for an authentic packet. It is asked again, because an earlier
		// packet of this burst may have carried the same number.
		else if (!packet.sa->m_window.commit(packet.sequence))
			packet.refusal = Refusal::replay_pre;

		if (packet.refusal != Refusal::none) {
			if (suite == Suite::gcm)
				refuse_deciphered(packet, packet.refusal);
		} else if (suite == Suite::cbc_sha1) {
			decrypt.add({packet.sa->m_keys, packet.esp, packet.esp_length - icv_bytes, nullptr});
		}
	}
	// 3.4.4.1 step 2: decryption, of authentic packets alone.
	ciphers.decrypt_cbc(decrypt.all());

	for (Open &packet : burst) {
		if (packet.refusal != Refusal::none)
			continue;
		if (const Refusal refusal = after_decryption(packet); refusal != Refusal::none)
			refuse_deciphered(packet, refusal);
	}
}

} // namespace systole::crypto
