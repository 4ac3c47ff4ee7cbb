local M = {}

local function check_editor()
  vim.health.start('fairlead: Neovim')
  local version = tostring(vim.version())
  if vim.fn.has('nvim-0.11') == 0 then
    vim.health.error(('Neovim %s is too old'):format(version), 'Install Neovim 0.11, or 0.12 for ghost text')
  elseif vim.lsp.inline_completion then
    vim.health.ok(('Neovim %s: lists, hover and ghost text'):format(version))
  else
    vim.health.warn(
      ('Neovim %s has no ghost text; the same text is the first item of the list'):format(version),
      'Install Neovim 0.12 for ghost text'
    )
  end
end

---@param config vim.lsp.Config
local function check_executable(config)
  vim.health.start('fairlead: server')
  if type(config.cmd) ~= 'table' then
    vim.health.info('`cmd` is a function; the executable cannot be checked')
    return
  end
  local path = vim.fn.exepath(config.cmd[1])
  if path == '' then
    vim.health.error(('"%s" is not found'):format(config.cmd[1]), {
      'Install it: pip install fairlead, or pipx install fairlead',
      "Or name it: require('fairlead').setup({ cmd = { '/path/of/fairlead', 'serve' } })",
    })
  else
    vim.health.ok(('starts "%s"'):format(path))
  end
  for name in pairs({ PYTHONPATH = 1, PYTHONHOME = 1, PYTHONSTARTUP = 1 }) do
    if (config.cmd_env or {})[name] ~= '' and vim.env[name] then
      vim.health.warn(('%s is set and reaches the server'):format(name), ("Set cmd_env.%s = ''"):format(name))
    end
  end
end

local function check_running()
  local status = require('fairlead.status')
  local clients = vim.lsp.get_clients({ name = 'fairlead' })
  if #clients == 0 then
    local lines = status.absent()
    vim.health.warn('no server is running', vim.list_slice(lines, 2))
    return
  end
  for _, client in ipairs(clients) do
    local buffers = #vim.tbl_keys(client.attached_buffers)
    vim.health.ok(('attached to %d buffer%s, positions in %s'):format(
      buffers, buffers == 1 and '' or 's', client.offset_encoding))
    local answer, err = client:request_sync('workspace/executeCommand', { command = 'fairlead.status' }, 5000)
    if not answer or answer.err then
      vim.health.error(
        ('the server does not tell its status: %s'):format(err or answer and answer.err.message),
        'Replace it with :FairleadRestart'
      )
    else
      local state = answer.result.state
      local report = (state == 'ready' and vim.health.ok)
        or (state == 'error' and vim.health.error)
        or (state == 'static' and vim.health.warn)
        or vim.health.info
      report(table.concat(status.lines(answer.result), '\n'))
    end
  end
end

--- Other servers that answer the same questions double every list and hover.
local function check_neighbours()
  for _, method in ipairs({ 'textDocument/completion', 'textDocument/hover' }) do
    local names = {}
    for bufnr in pairs(vim.tbl_get(vim.lsp.get_clients({ name = 'fairlead' }), 1, 'attached_buffers') or {}) do
      for _, client in ipairs(vim.lsp.get_clients({ bufnr = bufnr, method = method })) do
        if client.name ~= 'fairlead' then
          names[client.name] = true
        end
      end
    end
    if next(names) then
      local setting = method:match('[^/]+$')
      vim.health.info(('%s answers %s too; settings = { %s = { enabled = false } } leaves it to that one'):format(
        table.concat(vim.tbl_keys(names), ', '), method, setting))
    end
  end
end

function M.check()
  check_editor()
  if vim.fn.has('nvim-0.11') == 1 then
    check_executable(vim.lsp.config.fairlead or {})
    check_running()
    check_neighbours()
  end
end

return M
