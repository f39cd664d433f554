/* A CUDA driver without a device: memory is the host's, launches are only told of.
 *
 * STUB_CAPTURE=1 says that streams are being captured; STUB_FAIL=1 lets every launch fail.
 * What it is asked for is written to the standard error stream. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int Status;
typedef unsigned long long Address;
typedef void *Handle;

static int is_set(const char *name) { return getenv(name) != NULL; }

Status cuInit(unsigned flags) { return 0; }
Status cuDriverGetVersion(int *version) { *version = 13000; return 0; }
Status cuDeviceGet(int *device, int number) { *device = number; return 0; }
Status cuDeviceGetCount(int *count) { *count = 1; return 0; }
Status cuDevicePrimaryCtxRetain(Handle *context, int device) {
    *context = (Handle)(uintptr_t)(0x1000 + device);
    return 0;
}
Status cuCtxPushCurrent_v2(Handle context) { return 0; }
Status cuCtxPopCurrent_v2(Handle *context) { *context = 0; return 0; }

/* Compute capability 9.0, with 132 multiprocessors. */
Status cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? 9 : attribute == 16 ? 132 : 0;
    return 0;
}
Status cuPointerGetAttribute(void *data, int attribute, Address address) {
    *(int *)data = 0;
    return 0;
}
Status cuMemAlloc_v2(Address *address, size_t size) {
    void *found;
    if (posix_memalign(&found, 256, size)) return 2;
    memset(found, 0xff, size);
    *address = (Address)(uintptr_t)found;
    fprintf(stderr, "alloc %zu\n", size);
    return 0;
}
Status cuMemFree_v2(Address address) {
    free((void *)(uintptr_t)address);
    fprintf(stderr, "free\n");
    return 0;
}
Status cuStreamIsCapturing(Handle stream, int *status) {
    *status = is_set("STUB_CAPTURE") ? 1 : 0;
    return 0;
}
Status cuMemcpyHtoDAsync_v2(Address target, const void *source, size_t size, Handle stream) {
    fprintf(stderr, "upload %zu on %p\n", size, stream);
    memcpy((void *)(uintptr_t)target, source, size);
    return 0;
}
Status cuMemcpyDtoHAsync_v2(void *target, Address source, size_t size, Handle stream) {
    fprintf(stderr, "download %zu on %p\n", size, stream);
    memcpy(target, (void *)(uintptr_t)source, size);
    return 0;
}
Status cuMemcpyDtoDAsync_v2(Address target, Address source, size_t size, Handle stream) {
    fprintf(stderr, "copy %zu on %p\n", size, stream);
    memmove((void *)(uintptr_t)target, (void *)(uintptr_t)source, size);
    return 0;
}
Status cuMemsetD8Async(Address target, unsigned char value, size_t size, Handle stream) {
    memset((void *)(uintptr_t)target, value, size);
    return 0;
}
Status cuStreamSynchronize(Handle stream) { return 0; }
Status cuStreamCreate(Handle *stream, unsigned flags) { *stream = (Handle)0x77; return 0; }
Status cuStreamDestroy_v2(Handle stream) { return 0; }
Status cuThreadExchangeStreamCaptureMode(int *mode) {
    static int current = 0;
    int before = current;
    current = *mode;
    *mode = before;
    return 0;
}
Status cuModuleLoadData(Handle *module, const void *image) {
    fprintf(stderr, "module %.3s\n", (const char *)image + 1);
    *module = (Handle)0x33;
    return 0;
}
Status cuModuleGetFunction(Handle *function, Handle module, const char *name) {
    *function = (Handle)strdup(name);
    return 0;
}
Status cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, Handle function, int size, size_t n) {
    *blocks = 3;
    return 0;
}
Status cuLaunchKernel(Handle function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                      unsigned by, unsigned bz, unsigned shared, Handle stream, void **arguments,
                      void **extra) {
    if (is_set("STUB_FAIL")) return 700;
    fprintf(stderr, "launch %s grid %u block %u on %p with %lld\n", (const char *)function, gx, bx,
            stream, *(long long *)arguments[1]);
    return 0;
}
Status cuGetProcAddress_v2(const char *name, void **found, int version, uint64_t flags, int *status) {
    char versioned[256];
    snprintf(versioned, sizeof versioned, "%s_v2", name);
    *found = dlsym(RTLD_DEFAULT, versioned);
    if (!*found) *found = dlsym(RTLD_DEFAULT, name);
    if (status) *status = *found ? 0 : 1;
    return *found ? 0 : 500;
}
Status cuGetProcAddress(const char *name, void **found, int version, uint64_t flags) {
    return cuGetProcAddress_v2(name, found, version, flags, NULL);
}
