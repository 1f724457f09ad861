// x / (1 + exp(-x)), a thread an element.
extern "C" __global__ void swish(const float* x, float* y, int count)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        y[i] = x[i] / (1 + expf(-x[i]));
    }
}
