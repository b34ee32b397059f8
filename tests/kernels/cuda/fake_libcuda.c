/* The part of NVIDIA's driver interface that convspec calls, over memory of the host.

   A "cubin" is the text "copy COUNT": its kernel copies COUNT values a sample from x to y.
   Streams, events and kernels remember the context in which they were made, and work in no
   other. What the driver says of itself comes from the environment. Where a toolkit is installed,
   its cuda.h checks every prototype here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<cuda.h>)
#include <cuda.h>
#undef cuEventElapsedTime
#else
typedef int CUresult;
typedef int CUdevice;
typedef int CUdevice_attribute;
typedef unsigned long long CUdeviceptr;
typedef void *CUcontext, *CUstream, *CUevent, *CUmodule, *CUfunction;
#endif

static int live = 0;
static void *current = NULL;

typedef struct {
    void *context;
    long count;
} Object;

static void *made(long count) {
    Object *object = malloc(sizeof(Object));
    object->context = current;
    object->count = count;
    live++;
    return object;
}

static int own(void *object) { return object && current && ((Object *)object)->context == current; }

static int destroyed(void *object) {
    if (!own(object)) return 201;
    live--;
    free(object);
    return 0;
}

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

int fake_live(void) { return live; }

CUresult cuInit(unsigned int flags) { return (CUresult)number("FAKE_CUDA_INIT", 0); }

CUresult cuDriverGetVersion(int *version) {
    *version = (int)number("FAKE_CUDA_VERSION", 13000);
    return 0;
}

CUresult cuGetErrorName(CUresult error, const char **text) {
    *text = error == 3 ? "CUDA_ERROR_NOT_INITIALIZED" : error == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_OF_THE_FAKE";
    return 0;
}

CUresult cuDeviceGetCount(int *count) {
    *count = (int)number("FAKE_CUDA_GPUS", 1);
    return 0;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
    *device = ordinal;
    return 0;
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
    snprintf(name, length, "Fake %ld", number("FAKE_CUDA_MIXED", 0) ? (long)device : 0L);
    return 0;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
    long capability = number(device ? "FAKE_CUDA_SECOND" : "FAKE_CUDA_CAPABILITY", 90);
    *value = attribute == 16 ? 132 : attribute == 75 ? capability / 10 : capability % 10;
    return attribute == 16 || attribute == 75 || attribute == 76 ? 0 : 1;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
    *bytes = (size_t)8 << 30;
    return 0;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    *context = (CUcontext)(size_t)(0x1000 + device);
    return 0;
}

CUresult cuCtxSetCurrent(CUcontext context) {
    current = context;
    return 0;
}

CUresult cuCtxGetCurrent(CUcontext *context) {
    *context = current;
    return 0;
}

CUresult cuMemGetInfo_v2(size_t *available, size_t *total) {
    *available = (size_t)number("FAKE_CUDA_FREE", 1L << 30);
    *total = (size_t)8 << 30;
    return current ? 0 : 201;
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
    if (!current || !bytes) return 201;
    if (number("FAKE_CUDA_FULL", 0)) return 2;
    live++;
    *address = (CUdeviceptr)(size_t)aligned_alloc(256, (bytes + 255) / 256 * 256);
    return 0;
}

CUresult cuMemFree_v2(CUdeviceptr address) {
    live--;
    free((void *)(size_t)address);
    return 0;
}

CUresult cuMemHostAlloc(void **address, size_t bytes, unsigned int flags) {
    if (!current || flags != 1) return 1;
    if (number("FAKE_CUDA_LOCKED", 0)) return 2;
    live++;
    *address = malloc(bytes);
    return 0;
}

CUresult cuMemFreeHost(void *address) {
    live--;
    free(address);
    return 0;
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
    memcpy((void *)(size_t)to, from, bytes);
    return own(stream) ? 0 : 400;
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
    memcpy(to, (void *)(size_t)from, bytes);
    return own(stream) ? 0 : 400;
}

CUresult cuStreamCreate(CUstream *stream, unsigned int flags) {
    *stream = made(0);
    return flags == 1 ? 0 : 1;
}

CUresult cuStreamDestroy_v2(CUstream stream) { return destroyed(stream); }

CUresult cuEventCreate(CUevent *event, unsigned int flags) {
    *event = made(0);
    return 0;
}

CUresult cuEventDestroy_v2(CUevent event) { return destroyed(event); }

CUresult cuEventRecord(CUevent event, CUstream stream) {
    return own(event) && own(stream) ? 0 : 400;
}

CUresult cuEventSynchronize(CUevent event) { return own(event) ? 0 : 400; }

CUresult cuEventElapsedTime(float *milliseconds, CUevent first, CUevent last) {
    *milliseconds = 2.5f;
    return 0;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
    long count = 0;
    int read = sscanf(image, "copy %ld", &count);
    *module = made(count);
    return read == 1 ? 0 : 200;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
    *function = (CUfunction)module;
    return strcmp(name, "kernel") == 0 ? 0 : 500;
}

CUresult cuModuleUnload(CUmodule module) { return destroyed(module); }

CUresult cuLaunchKernel(CUfunction function, unsigned int gx, unsigned int gy, unsigned int gz,
                        unsigned int bx, unsigned int by, unsigned int bz, unsigned int shared,
                        CUstream stream, void **parameters, void **extra) {
    if (!own(stream) || !own(function)) return 400;
    if (extra || gy != 1 || gz != 1 || by != 1 || bz != 1 || shared) return 1;
    if (number("FAKE_CUDA_FAILS", 0)) return number("FAKE_CUDA_FAILS", 0);
    long count = ((Object *)function)->count;
    const float *x = *(float **)parameters[0];
    float *y = *(float **)parameters[1];
    long long samples = *(long long *)parameters[4];
    memcpy(y, x, sizeof(float) * count * samples);
    return (long long)gx * bx * 4 >= count * samples ? 0 : 1;
}
