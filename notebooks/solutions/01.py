# Solutions to notebooks/01_images_and_convolutions.ipynb, with other right ways and with mistakes that the checkers know.
# %% to_tensor
def to_tensor(array):
    return torch.from_numpy(array).permute(2, 0, 1)[None] / 255

# %% to_tensor, another way
def to_tensor(array):
    image = torch.zeros(1, 3, array.shape[0], array.shape[1])
    for channel in range(3):
        image[0, channel] = torch.from_numpy(array[:, :, channel].astype("float32")) / 255
    return image

# %% to_tensor, the library's
def to_tensor(array):
    return nstlib.load_image(array)

# %% to_tensor, wrong: still run to 255
def to_tensor(array):
    return torch.from_numpy(array).permute(2, 0, 1)[None].float()

# %% to_tensor, wrong: not by 256
def to_tensor(array):
    return torch.from_numpy(array).permute(2, 0, 1)[None] / 256

# %% to_tensor, wrong: Whole-number division
def to_tensor(array):
    return torch.from_numpy(array).permute(2, 0, 1)[None] // 255

# %% to_tensor, wrong: keep the order of the numbers in memory
def to_tensor(array):
    return torch.from_numpy(array).view(1, 3, array.shape[0], array.shape[1]) / 255

# %% to_tensor, wrong: Red and blue are exchanged
def to_tensor(array):
    return torch.from_numpy(array).flip(2).permute(2, 0, 1)[None] / 255

# %% to_tensor, wrong: Height and width are exchanged
def to_tensor(array):
    return torch.from_numpy(array).permute(2, 1, 0)[None] / 255

# %% to_tensor, wrong: still last
def to_tensor(array):
    return torch.from_numpy(array)[None] / 255

# %% to_tensor, wrong: the shape is not: yours is (3, 4, 5), (1, 3, 4, 5) is wanted
def to_tensor(array):
    return torch.from_numpy(array).permute(2, 0, 1) / 255

# %% to_tensor, wrong: The numbers are right, the shape is not
def to_tensor(array):
    return torch.from_numpy(array).permute(2, 0, 1)[..., None] / 255

# %% to_tensor, wrong: the shape is not: yours is (3, 1, 4, 5)
def to_tensor(array):
    return torch.from_numpy(array).permute(2, 0, 1)[:, None] / 255

# %% to_tensor, wrong: the type is not: yours is torch.float64
def to_tensor(array):
    return torch.from_numpy(array / 255).permute(2, 0, 1)[None]

# %% to_tensor, wrong: ndarray; a tensor is wanted
def to_tensor(array):
    return array.transpose(2, 0, 1)[None].astype("float32") / 255

# %% to_tensor, wrong: divided by the largest number of this picture
def to_tensor(array):
    return torch.from_numpy(array / array.max()).float().permute(2, 0, 1)[None]

# %% to_tensor, wrong: stretched this picture from its darkest
def to_tensor(array):
    image = torch.from_numpy(array).permute(2, 0, 1)[None].float()
    return (image - image.min()) / (image.max() - image.min())

# %% to_tensor, wrong: divided by 255 twice
def to_tensor(array):
    return torch.from_numpy(array / 255).float().permute(2, 0, 1)[None] / 255

# %% to_tensor, wrong: from -1 to 1
def to_tensor(array):
    return torch.from_numpy(array).permute(2, 0, 1)[None] / 127.5 - 1

# %% convolve
def convolve(image, kernel):
    padded = F.pad(image, (1, 1, 1, 1))[0]
    h, w = image.shape[-2:]
    y = torch.zeros(h, w)
    for r in range(h):
        for c in range(w):
            y[r, c] = (kernel * padded[:, r:r + 3, c:c + 3]).sum()
    return y

# %% convolve, another way
def convolve(image, kernel):
    h, w = image.shape[-2:]
    padded = F.pad(image, (1, 1, 1, 1))
    return sum(kernel[k, u, v] * padded[0, k, u:u + h, v:v + w] for k in range(3) for u in range(3) for v in range(3))

# %% convolve, in one line
def convolve(image, kernel):
    return F.conv2d(image, kernel[None], padding=1)[0, 0]

# %% convolve, wrong: Your kernel is turned by 180°
def convolve(image, kernel):
    return F.conv2d(image, kernel.flip(1, 2)[None], padding=1)[0, 0]

# %% convolve, wrong: Your kernel is transposed
def convolve(image, kernel):
    return F.conv2d(image, kernel.transpose(1, 2)[None], padding=1)[0, 0]

# %% convolve, wrong: The frame is missing
def convolve(image, kernel):
    return F.conv2d(image, kernel[None])[0, 0]

# %% convolve, wrong: on one side only
def convolve(image, kernel):
    h, w = image.shape[-2:]
    padded = F.pad(image, (0, 2, 0, 2))
    return sum(kernel[k, u, v] * padded[0, k, u:u + h, v:v + w] for k in range(3) for u in range(3) for v in range(3))

# %% convolve, wrong: add the three up
def convolve(image, kernel):
    return torch.cat([F.conv2d(image[:, k:k + 1], kernel[None, k:k + 1], padding=1) for k in range(3)], 1)

# %% convolve, wrong: Only the first channel was used
def convolve(image, kernel):
    return F.conv2d(image[:, :1], kernel[:1][None], padding=1)[0, 0]

# %% convolve, wrong: each channel has its own
def convolve(image, kernel):
    return F.conv2d(image.sum(1, keepdim=True), kernel[:1][None], padding=1)[0, 0]

# %% convolve, wrong: their sum is wanted
def convolve(image, kernel):
    return F.conv2d(image, kernel[None], padding=1)[0, 0] / 27

# %% convolve, wrong: repeats the outermost pixels
def convolve(image, kernel):
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), kernel[None])[0, 0]

# %% convolve, wrong: mirrors the picture
def convolve(image, kernel):
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode="reflect"), kernel[None])[0, 0]

# %% convolve, wrong: yours is (1, 1, 4, 5), (4, 5) is wanted
def convolve(image, kernel):
    return F.conv2d(image, kernel[None], padding=1)

# %% convolve, wrong: your code stopped with
def convolve(image, kernel):
    return F.conv2d(image, kernel, padding=1)

# %% convolve, wrong: right for some inputs, but not for
def convolve(image, kernel):
    padded, y = F.pad(image, (1, 1, 1, 1))[0], torch.zeros(image.shape[-2:])
    for r in range(4):
        for c in range(5):
            y[r, c] = (kernel * padded[:, r:r + 3, c:c + 3]).sum()
    return y

# %% average_pool
def average_pool(x):
    return (x[..., 0::2, 0::2] + x[..., 0::2, 1::2] + x[..., 1::2, 0::2] + x[..., 1::2, 1::2]) / 4

# %% average_pool, another way
def average_pool(x):
    b, c, h, w = x.shape
    return x.reshape(b, c, h // 2, 2, w // 2, 2).mean((3, 5))

# %% average_pool, as a convolution
def average_pool(x):
    c = x.shape[1]
    return F.conv2d(x, torch.full((c, 1, 2, 2), 0.25), stride=2, groups=c)

# %% average_pool, wrong: That is the largest of each square
def average_pool(x):
    return F.max_pool2d(x, 2)

# %% average_pool, wrong: move on by two pixels
def average_pool(x):
    return (x[..., :-1, :-1] + x[..., :-1, 1:] + x[..., 1:, :-1] + x[..., 1:, 1:]) / 4

# %% average_pool, wrong: divide by four
def average_pool(x):
    return x[..., 0::2, 0::2] + x[..., 0::2, 1::2] + x[..., 1::2, 0::2] + x[..., 1::2, 1::2]

# %% average_pool, wrong: three in four thrown away
def average_pool(x):
    return x[..., ::2, ::2]

# %% average_pool, wrong: Only pairs across
def average_pool(x):
    return (x[..., 0::2] + x[..., 1::2]) / 2

# %% average_pool, wrong: Only pairs down
def average_pool(x):
    return (x[..., 0::2, :] + x[..., 1::2, :]) / 2

# %% average_pool, wrong: The channels were mixed
def average_pool(x):
    return F.avg_pool2d(x.mean(1, keepdim=True), 2)

# %% average_pool, wrong: takes four neighbours of one row
def average_pool(x):
    b, c, h, w = x.shape
    return x.reshape(b, c, h // 2, w // 2, 4).mean(-1)

# %% average_pool, wrong: the 2 comes after H/2
def average_pool(x):
    b, c, h, w = x.shape
    return x.reshape(b, c, 2, h // 2, 2, w // 2).mean((2, 4))

# %% average_pool, wrong: division comes before addition
def average_pool(x):
    return x[..., 0::2, 0::2] + x[..., 0::2, 1::2] + x[..., 1::2, 0::2] + x[..., 1::2, 1::2] / 4

# %% average_pool, wrong: divide by four
def average_pool(x):
    return (x[..., 0::2, 0::2] + x[..., 0::2, 1::2] + x[..., 1::2, 0::2] + x[..., 1::2, 1::2]) / 2

# %% average_pool, wrong: Only two corners
def average_pool(x):
    return (x[..., 0::2, 0::2] + x[..., 1::2, 1::2]) / 2

# %% average_pool, wrong: changed its input in place
def average_pool(x):
    x[..., 0::2, 0::2] += x[..., 0::2, 1::2] + x[..., 1::2, 0::2] + x[..., 1::2, 1::2]
    return x[..., 0::2, 0::2] / 4
