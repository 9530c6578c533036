// HONE_SANITIZED: 1 where the program runs under a sanitizer, which makes it many times slower.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HONE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HONE_SANITIZED 1
#endif
#endif
#ifndef HONE_SANITIZED
#define HONE_SANITIZED 0
#endif
