---@type vim.lsp.Config
return {
  cmd = { 'fairlead', 'serve' },
  -- Empty counts as unset for Python. What these name may belong to the workspace, and would run inside the server.
  cmd_env = { PYTHONPATH = '', PYTHONHOME = '', PYTHONSTARTUP = '' },
  filetypes = { 'python' },
  root_markers = { 'pyproject.toml', 'setup.py', 'setup.cfg', 'requirements.txt', 'Pipfile', '.git' },
  settings = { fairlead = vim.empty_dict() },
  handlers = {
    ['fairlead/status'] = function(err, status, ctx)
      return require('fairlead.status').receive(err, status, ctx)
    end,
  },
  on_exit = function(code, signal, client_id)
    -- A callback of the event loop, where most of the API is out of reach.
    vim.schedule(function()
      require('fairlead.status').ended(code, signal, client_id)
    end)
  end,
}
