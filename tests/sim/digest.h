// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The ideal hash of the simulated crypto: 64 bits, no collisions in practice, no security at all. Whoever has not got
// the inputs cannot name the output, because nobody in the simulation tries.
#pragma once

#include <cstddef>
#include <cstdint>

namespace systole::sim {

class Digest {
public:
	Digest &add(std::uint64_t value)
	{
		m_state ^= value;
		m_state *= 0xff51afd7ed558ccdULL;
		m_state ^= m_state >> 32;
		m_state *= 0xc4ceb9fe1a85ec53ULL;
		m_state ^= m_state >> 29;
		return *this;
	}
	template <typename Bytes> Digest &bytes(const Bytes &bytes)
	{
		static_assert(sizeof(bytes[0]) == 1);
		std::uint64_t word = 0;
		std::size_t n = 0;
		for (const auto byte : bytes) {
			word = word << 8 | static_cast<unsigned char>(byte);
			if (++n % 8 == 0)
				add(word);
		}
		return add(word).add(n);
	}
	[[nodiscard]] std::uint64_t value() const { return m_state; }
	// The value spread over an array of bytes: a share, a tag.
	template <typename Array> [[nodiscard]] Array as() const
	{
		Array out{};
		Digest more = *this;
		for (std::size_t i = 0; i < out.size(); ++i)
			out[i] = static_cast<typename Array::value_type>(more.add(i).value() >> 40);
		return out;
	}

private:
	std::uint64_t m_state = 0x9ae16a3b2f90404fULL;
};

} // namespace systole::sim
