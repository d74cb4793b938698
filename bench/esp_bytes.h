// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What every side of esp_bench works on: one key, one shape of packet, one layout of memory. A side that saw shorter
// packets or better aligned ones would win for no merit of its own.
#pragma once

#include "crypto/bytes.h"
#include "crypto/suite.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace systole::bench {

inline constexpr std::uint32_t spi = 0x01020300;
inline constexpr std::size_t max_packets = 1024; // sealed or waiting to be opened
inline constexpr std::size_t buffer_room = 128;  // before the inner packet; what DPDK leaves free in an mbuf too

// As far apart as mbufs are: an odd number of cache lines, or all packets would fight for the same few sets of L1.
struct alignas(64) Buffer {
	std::array<std::byte, std::size_t{64} * 37> bytes{};
};

struct SaKey {
	explicit SaKey(crypto::Suite of) : suite(of)
	{
		for (std::size_t i = 0; i < bytes.size(); ++i)
			bytes[i] = static_cast<std::byte>(i * 7 + 1);
	}
	[[nodiscard]] crypto::Bytes all() const { return std::span(bytes).first(crypto::shape_of(suite).key_bytes); }
	[[nodiscard]] crypto::Bytes encryption() const { return std::span(bytes).first(16); }
	[[nodiscard]] crypto::Bytes authentication() const
	{
		return suite == crypto::Suite::null_sha1 ? all() : all().subspan(16, 20);
	}
	[[nodiscard]] crypto::Bytes salt() const { return all().subspan(16, 4); } // GCM
	crypto::Suite suite;
	std::array<std::byte, crypto::max_sa_key_bytes> bytes{};
};

// Where things stand in a packet, counted from the SPI.
struct EspLayout {
	EspLayout(crypto::Suite suite, std::size_t inner_bytes)
	    : inner(inner_bytes), payload(crypto::esp_header_bytes + crypto::shape_of(suite).iv_bytes),
	      icv_bytes(crypto::shape_of(suite).icv_bytes)
	{
		const std::size_t align = crypto::shape_of(suite).align;
		padded = (inner + 2 + align - 1) / align * align;
		icv = payload + padded;
		total = icv + icv_bytes;
	}
	std::size_t inner;
	std::size_t payload; // behind SPI, sequence number and IV
	std::size_t padded;  // inner packet, padding, trailer
	std::size_t icv_bytes;
	std::size_t icv;
	std::size_t total;
};

// The plaintext that packet `index` carries.
inline void fill_inner(std::span<std::byte> inner, std::size_t index)
{
	for (std::size_t i = 0; i < inner.size(); ++i)
		inner[i] = static_cast<std::byte>(i * 3 + index);
}

using SealedPackets = std::vector<std::vector<std::byte>>; // SPI .. ICV each

// Buffers of a side that knows no ESP: the packets stand there framed (SPI, sequence number, IV, padded plaintext),
// and the side does the cipher and the hash over them.
class FramedPackets {
public:
	FramedPackets(crypto::Suite suite, std::size_t inner) : m_layout(suite, inner), m_buffers(max_packets) {}

	[[nodiscard]] const EspLayout &layout() const { return m_layout; }
	[[nodiscard]] std::byte *packet(std::size_t index)
	{
		return m_buffers[index].bytes.data() + buffer_room - m_layout.payload;
	}
	// Plaintext of packet `index` with the header and IV of `sealed`, so that sealing must give `sealed` again.
	void frame(std::size_t index, std::span<const std::byte> sealed)
	{
		std::byte *const out = packet(index);
		std::copy_n(sealed.begin(), m_layout.payload, out);
		fill_inner({out + m_layout.payload, m_layout.inner}, index);
		const std::size_t pad = m_layout.padded - m_layout.inner - 2;
		for (std::size_t i = 0; i < pad; ++i)
			out[m_layout.payload + m_layout.inner + i] = static_cast<std::byte>(i + 1);
		out[m_layout.icv - 2] = static_cast<std::byte>(pad);
		out[m_layout.icv - 1] = std::byte{4}; // next header IPv4
	}
	void take(std::size_t index, std::span<const std::byte> sealed)
	{
		std::copy(sealed.begin(), sealed.end(), packet(index));
	}

private:
	EspLayout m_layout;
	std::vector<Buffer> m_buffers;
};

} // namespace systole::bench
